//! What can be done to an operator by whoever may write manifests, statuses and Secrets? Nothing that anybody else notices.

use std::collections::BTreeSet;
use std::sync::Mutex;

use control_plane::{Mark, RequestKind};
use rocketlawyer_operator::api::Reason;
use rocketlawyer_operator::api::names::SECRET_TYPE;
use rocketlawyer_operator::emulator::{App, AppScope};
use rocketlawyer_operator::operator::replay::fingerprint;
use serde_json::{Value, json};

use super::process::until;
use super::replay::recorder::Recorder;
use super::secrets_stay_secret::MARK;
use super::server::{self, Kind};
use super::told::{self, data, text};
use super::world::{PATIENCE, Wishes, World};

mod made;

use made::{Maker, longest_name};

const MANIFESTS: usize = 1000;
/// So many the server has to accept, or nothing is shown of the operator.
const FEWEST_ACCEPTED: usize = 300;
/// So many of each kind, with a name as long as may be.
const FEWEST_LONGEST: usize = 5;
/// So many objects have to have a token in the end.
const FEWEST_ISSUED: usize = 100;
/// Requests that refer to a credential that consents to nobody; they are spoilt with the others.
const GUESTS: [&str; 3] = ["hostile-guest", "hostile-guest-exchange", "hostile-guest-service"];
const AT_A_TIME: usize = 8;
const SEED: u64 = 0x5eed;

#[test]
fn hostile_manifests_statuses_and_secrets_stop_nothing() {
    let mut world = World::new("hostile", &Wishes { others: &["hostile-other"], ..Wishes::default() });
    world.operator.start();
    world.partner(json!({"allowedNamespaces": {"from": "All"}}));
    let neighbour = Neighbour::moves_in(&world);
    let mut maker = Maker::new(SEED, world.emulator.base_url(), world.others.clone());

    let manifests: Vec<_> = (0..MANIFESTS).map(|number| maker.manifest(number)).collect();
    let accepted = apply(&world, manifests);
    assert!(accepted >= FEWEST_ACCEPTED, "only {accepted} of {MANIFESTS} were accepted");
    everything_is_clear(&world);
    the_longest_names_are_taken_and_no_longer(&world);

    // While it runs, and once more while it does not: then it reads all this at its start.
    spoil(&world, &mut maker);
    everything_is_clear(&world);
    assert!(world.operator.stop().success());
    spoil(&world, &mut maker);
    world.operator.start();
    everything_is_clear(&world);

    // Whoever else is here has not noticed.
    neighbour.was_left_alone(&world);
    world.request("afterwards", json!({}));
    world.wait_ready(Kind::Request, "afterwards");
    world.request_in(&world.others[0], "afterwards", json!({}));
    world.wait_in(&world.others[0], Kind::Request, "afterwards", |it| told::is(it, "True/Issued"));
    world.credential("another", json!({}));
    world.wait_ready(Kind::Credential, "another");
    whoever_is_ready_has_a_token_that_is_good(&world);
    nothing_panicked(&world);
    nothing_left_its_namespaces(&world);
}

/// What an older schema let through, in both lists and in both watches. Needs a control plane of its own: it loosens the schema.
#[test]
fn objects_of_an_older_schema_are_told_so_and_those_beside_them_are_served() {
    let mut world = World::new("older", &Wishes { own_control_plane: true, ..Wishes::default() });
    loosen(&world, "rocketlawyercredentials", "environment", &json!({"type": "string"}));
    let reference = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    loosen(&world, "scopedtokenrequests", "credentialRef", &reference);
    let mars = json!({"environment": "Mars", "clientSecretRef": {"name": "client"}});
    // The looser schema is served a moment after it was patched.
    let taken = until(PATIENCE, || is_taken(&world, Kind::Credential, "mars", &mars).then_some(()));
    assert!(taken.is_some(), "the schema never loosened");
    let deep = json!({"credentialRef": {"name": "partner"}, "claims": [[[]]], "interviewId": 7});
    let taken = until(PATIENCE, || is_taken(&world, Kind::Request, "deep", &deep).then_some(()));
    assert!(taken.is_some(), "the schema never loosened");
    let heavy = json!({"credentialRef": {"name": "partner"}, "claims": {"claim": "x".repeat(1 << 20)}});
    assert!(is_taken(&world, Kind::Request, "heavy", &heavy));
    // A watch that was open before goes on to show what the earlier schema makes of an object, a status for one that has none.
    world.recorder = Recorder::of(world.cluster());
    world.operator.start();
    world.partner(json!({}));
    world.request("interview", json!({}));
    let later = json!({"environment": "Custom", "suspend": "maybe", "clientSecretRef": "client"});
    assert!(is_taken(&world, Kind::Credential, "later", &later));
    let none = json!({"credentialRef": {"name": "partner"}, "renewUntil": {"never": true}});
    assert!(is_taken(&world, Kind::Request, "none", &none));
    world.wait_ready(Kind::Request, "interview");
    let broken = [
        (Kind::Credential, "mars"),
        (Kind::Credential, "later"),
        (Kind::Request, "deep"),
        (Kind::Request, "none"),
    ];
    for (kind, name) in broken {
        let object = world.wait_told(kind, name, "False/InvalidSpec");
        assert!(told::message(&object, "Ready").contains("does not fit this version's schema"), "{object:#}");
    }

    let object = world.wait_told(Kind::Request, "heavy", "False/InvalidSpec");
    let message = told::message(&object, "Ready");
    assert!(
        message.starts_with("The spec is larger than any that the current CRDs let through."),
        "{message}"
    );

    // One that was good is spoilt, and keeps its token; what is mended is served; and whoever comes afterwards.
    world.edit(Kind::Request, "interview", json!({"spec": {"interviewId": ["spoilt"]}}));
    world.wait_for(Kind::Request, "interview", |it| {
        let generation = &it["metadata"]["generation"];
        it["status"]["observedGeneration"] == *generation
            && told::condition(it, "Ready").ends_with("/InvalidSpec")
    });
    assert!(world.opens("scoped", &data(&world.secret("interview-token"), "authorization")));
    let mended = json!({"spec": {"claims": null, "interviewId": "mended"}});
    world.edit(Kind::Request, "deep", mended);
    world.wait_ready(Kind::Request, "deep");
    world.request("afterwards", json!({}));
    world.wait_ready(Kind::Request, "afterwards");
    nothing_panicked(&world);
}

/// Takes nearly anything as the spec of such an object, and gives none a status; the selectable field must stay.
fn loosen(world: &World, plural: &str, field: &str, schema: &Value) {
    let spec = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {field: schema}});
    let path = "/spec/versions/0/schema/openAPIV3Schema";
    let changes = json!([
        {"op": "remove", "path": format!("{path}/x-kubernetes-validations")},
        {"op": "replace", "path": format!("{path}/properties/spec"), "value": spec},
        {"op": "remove", "path": format!("{path}/properties/status/default")},
    ]);
    let crd = format!("crd/{plural}.auth.rocketlawyer.com");
    let arguments = ["patch", &crd, "--type=json", "-p", &changes.to_string()];
    world.control_plane.kubectl(&arguments).expect("a looser schema");
}

fn is_taken(world: &World, kind: Kind, name: &str, spec: &Value) -> bool {
    let manifest = json!({"metadata": {"name": name}, "spec": spec});
    world.cluster().create(kind, &world.namespace, manifest).is_ok()
}

/// Applies all; returns how many were accepted.
fn apply(world: &World, manifests: Vec<(Kind, Value)>) -> usize {
    side_by_side(manifests, |(kind, manifest)| server::create(kind, &world.namespace, manifest).is_ok())
}

/// Does something to each, several at a time; returns how often it succeeded.
fn side_by_side<T: Send>(all: Vec<T>, act: impl Fn(T) -> bool + Sync) -> usize {
    let all = Mutex::new(all);
    let next = || all.lock().expect("nobody panicked").pop();
    let work = || std::iter::from_fn(next).map(&act).filter(|succeeded| *succeeded).count();
    std::thread::scope(|scope| {
        let working: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        working.into_iter().map(|it| it.join().expect("it was done")).sum()
    })
}

/// Writes nonsense into every other status, forges the annotations of the rest, and edits every managed Secret.
fn spoil(world: &World, maker: &mut Maker) {
    let (mut statuses, mut annotations) = (Vec::new(), Vec::new());
    for kind in [Kind::Credential, Kind::Request] {
        for object in server::list(kind, &world.namespace) {
            let name = text(&object["metadata"]["name"]).to_owned();
            if is_ours(&name) {
                if maker.chance() {
                    statuses.push((kind, name, maker.status()));
                } else {
                    let forged = json!({"metadata": {"annotations": maker.annotations()}});
                    annotations.push((kind, name, forged));
                }
            }
        }
    }
    let statuses = side_by_side(statuses, |(kind, name, status)| {
        server::edit_status(kind, &world.namespace, &name, &status).is_ok()
    });
    let annotations = side_by_side(annotations, |(kind, name, forged)| {
        server::try_edit(kind, &world.namespace, &name, &forged).is_ok()
    });
    let mut secrets = server::list(Kind::Secret, &world.namespace);
    secrets.retain(|it| it["type"] == SECRET_TYPE && is_ours(text(&it["metadata"]["name"])));
    let edits: Vec<_> =
        secrets.iter().map(|it| (text(&it["metadata"]["name"]), maker.secret_edit())).collect();
    let secrets = side_by_side(edits, |(name, edit)| {
        server::try_edit(Kind::Secret, &world.namespace, name, &edit).is_ok()
    });
    let taken = [statuses, annotations, secrets];
    assert!(statuses >= FEWEST_ACCEPTED / 4, "statuses, annotations, Secrets: {taken:?}");
    assert!(annotations >= FEWEST_ACCEPTED / 4, "statuses, annotations, Secrets: {taken:?}");
    assert!(secrets >= FEWEST_ISSUED, "statuses, annotations, Secrets: {taken:?}");
}

fn is_ours(name: &str) -> bool {
    name.starts_with("hostile-") || name.starts_with("sss")
}

/// Waits until each object is told what it is, by a reason that is known.
fn everything_is_clear(world: &World) {
    for kind in [Kind::Credential, Kind::Request] {
        for object in server::list(kind, &world.namespace).iter().filter(|object| !is_clear(object)) {
            world.wait_for(kind, text(&object["metadata"]["name"]), is_clear);
        }
    }
}

fn is_clear(object: &Value) -> bool {
    let ready = told::condition(object, "Ready");
    let known = ready.split_once('/').is_some_and(|(status, reason)| {
        ["True", "False"].contains(&status) && reason != "Pending" && Reason::parse(reason).is_some()
    });
    let gone = object.is_null() || object["metadata"]["deletionTimestamp"].is_string();
    gone || known && told::is(object, &ready) && !told::message(object, "Ready").is_empty()
}

/// Names at their limit are among those that were taken, and served; none is longer but where the Secret has a name of its own.
fn the_longest_names_are_taken_and_no_longer(world: &World) {
    for kind in [Kind::Credential, Kind::Request] {
        let mut objects = server::list(kind, &world.namespace);
        objects.retain(|it| it["spec"]["secret"]["name"].is_null());
        let length = |it: &Value| text(&it["metadata"]["name"]).len();
        let longest: Vec<_> = objects.iter().filter(|it| length(it) == longest_name(kind)).collect();
        assert!(longest.len() >= FEWEST_LONGEST, "{} {kind:?} with the longest name", longest.len());
        assert_eq!(objects.iter().map(length).max(), Some(longest_name(kind)));
        let served = longest.iter().filter(|it| told::is(it, "True/Issued")).count();
        assert!(served > 0, "no {kind:?} with the longest name has a token");
    }
}

/// No forged status stands, and no token that somebody laid over ours: whoever is called ready has one that the service knows,
/// and that opens what it is for.
fn whoever_is_ready_has_a_token_that_is_good(world: &World) {
    let mut issued = 0;
    for kind in [Kind::Credential, Kind::Request] {
        for object in server::list(kind, &world.namespace) {
            let name = text(&object["metadata"]["name"]);
            if told::condition(&object, "Ready") == "True/Issued" {
                issued += 1;
                // What was spoilt last may be put right after the status that is told.
                let good = until(PATIENCE, || {
                    let now = world.get(kind, name);
                    (told::condition(&now, "Ready") != "True/Issued" || is_good(world, kind, &now))
                        .then_some(())
                });
                assert!(good.is_some(), "is called ready: {:#}", world.get(kind, name));
            }
        }
    }
    assert!(issued >= FEWEST_ISSUED, "only {issued} are called ready");
}

fn is_good(world: &World, kind: Kind, object: &Value) -> bool {
    let secret = world.get(Kind::Secret, text(&object["status"]["token"]["secretName"]));
    if secret.is_null() {
        return false;
    }
    if object["spec"]["deliver"] == "ServiceToken" {
        // It opens no page: it is one that the service issued.
        let key = text(&object["spec"]["secret"]["keys"]["serviceToken"]);
        let token = fingerprint(&data(&secret, if key.is_empty() { "service_token" } else { key }));
        return world.emulator.log().iter().any(|entry| entry.issued.as_ref() == Some(&token));
    }
    let page = if kind == Kind::Credential { "access" } else { "scoped" };
    world.opens(page, &data(&secret, "authorization"))
}

fn nothing_panicked(world: &World) {
    let log = world.operator.log();
    let panic = log.lines().find(|line| line.contains("panic"));
    assert_eq!(panic, None);
}

/// In the other namespace: a credential that consents to nobody, whatever refers to it.
struct Neighbour {
    namespace: String,
    app: App,
    since: Mark,
}

impl Neighbour {
    fn moves_in(world: &World) -> Self {
        let namespace = world.others[0].clone();
        let app = App::new("neighbour-key", &format!("{MARK}neighbour"), AppScope::Backend);
        world.emulator.put_app(app.clone());
        let login = json!({"client_id": app.client_id, "client_secret": app.client_secret});
        let secret = json!({"metadata": {"name": "client"}, "type": "Opaque", "stringData": login});
        server::create(Kind::Secret, &namespace, secret).expect("a client Secret");
        let spec = json!({
            "environment": "Custom", "endpoint": {"url": world.service}, "clientSecretRef": {"name": "client"},
        });
        let credential = json!({"metadata": {"name": "partner"}, "spec": spec});
        server::create(Kind::Credential, &namespace, credential).expect("a credential");
        world.wait_in(&namespace, Kind::Credential, "partner", |it| told::is(it, "True/Issued"));
        let is_told = || {
            let events = server::list(Kind::Event, &namespace);
            events.iter().any(|it| it["regarding"]["name"] == "partner").then_some(())
        };
        assert!(until(PATIENCE, is_told).is_some(), "{}", world.situation());
        world.settle();
        let since = world.mark();
        let there = json!({"name": "partner", "namespace": namespace});
        let [plain, exchange, service] = GUESTS;
        world.request(plain, json!({"credentialRef": there}));
        world.request(exchange, json!({"exchangeCredentialRef": there}));
        world.request(service, json!({"credentialRef": there, "deliver": "ServiceToken"}));
        Self { namespace, app, since }
    }

    /// Whatever the others asked for: its namespace was only watched, its client Secret read once more by the operator that
    /// started anew, and its token used by nobody.
    fn was_left_alone(&self, world: &World) {
        let mut named = world.asked_since(self.since);
        named.retain(|it| it.namespace == self.namespace);
        let is_its_own =
            |it: &RequestKind| it.verb == "get" && it.resource == "secrets" && it.name == "client";
        assert_eq!(named.iter().filter(|it| is_its_own(it)).count(), 1, "{named:#?}");
        named.retain(|it| !["list", "watch"].contains(&&*it.verb) && !is_its_own(it));
        assert!(named.is_empty(), "{named:#?}");
        for name in GUESTS {
            world.wait_told(Kind::Request, name, "False/CredentialNotFound");
        }
        let log = world.emulator.log();
        let calls = log.iter().filter(|it| it.client_id.as_ref() == Some(&self.app.client_id)).count();
        assert_eq!(calls, 1, "its token was issued, and never used");
    }
}

fn nothing_left_its_namespaces(world: &World) {
    let here = [&world.namespace].into_iter().chain(&world.others).map(String::as_str);
    let allowed: BTreeSet<_> = here.chain([""]).collect();
    let asked = world.asked_since(world.began);
    assert!(asked.len() > FEWEST_ACCEPTED);
    let beyond: Vec<_> = asked.iter().filter(|request| !allowed.contains(&*request.namespace)).collect();
    assert!(beyond.is_empty(), "{beyond:#?}");
}
