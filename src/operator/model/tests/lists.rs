//! What becomes of an answer that meets a list: which of the two is the older, and does what it tells of still exist?

use std::collections::BTreeSet;

use serde_json::json;

use super::super::World;
use super::super::feed::{STREAMS, stream};
use super::super::operator::unlimited;
use super::minutes;
use crate::auth::Call;
use crate::cluster::watch::{Change, Stream, Trouble, Watched};
use crate::decision::Key;
use crate::operator::turns::Turns;

const NAME: (&str, &str) = ("web", "interview-token");

fn name() -> (String, String) {
    (NAME.0.into(), NAME.1.into())
}

/// A first token that is written, and whose answer is on its way; the watch has broken meanwhile.
fn written() -> (World, Key) {
    let mut world = World::new();
    world.partner();
    world.settle();
    let request = world.request("interview", json!({}));
    while !world.server.secrets.contains_key(&name()) {
        assert!(world.step(&request), "it is written");
    }
    world.server.feeds.remove(&Watched::ManagedSecrets);
    (world, request)
}

/// Somebody deletes it before the watch lists again: no deletion is ever shown.
#[test]
fn an_answer_about_what_a_list_no_longer_showed_is_not_believed() {
    let (mut world, request) = written();
    world.server.delete_secret(NAME.0, NAME.1);
    world.server.relist(Watched::ManagedSecrets);
    while world.deliver(Watched::ManagedSecrets) {}
    let (asked, calls) = world.watch(World::settle);
    assert!(asked.contains("look interview-token"), "{asked:?}");
    assert_eq!(calls, 0, "the token that was not lost with its Secret is put back");
    assert!(world.server.secrets.contains_key(&name()));
    assert_eq!(world.ready(&request), "True Issued");
}

/// The same where the list has begun when the answer comes, and ends after it.
#[test]
fn an_answer_that_comes_amid_a_list_which_does_not_show_it_is_looked_into() {
    let (mut world, request) = written();
    world.server.delete_secret(NAME.0, NAME.1);
    world.server.relist(Watched::ManagedSecrets);
    assert!(world.deliver(Watched::ManagedSecrets), "it begins");
    assert!(world.advance(&request), "the answer");
    let (asked, _) = world.watch(World::settle);
    assert!(asked.contains("look interview-token"), "{asked:?}");
    assert!(asked.contains("confirm owner interview"), "{asked:?}");
    assert!(world.server.secrets.contains_key(&name()));
    assert_eq!(world.ready(&request), "True Issued");
}

/// The list is older than the write, and shows up before or after its answer.
#[test]
fn a_list_that_is_older_than_our_write_issues_nothing() {
    for answer_first in [true, false] {
        let mut world = World::new();
        world.partner();
        world.settle();
        let request = world.request("interview", json!({}));
        while world.service.count(Call::Exchange) == 0 {
            assert!(world.step(&request), "it is issued");
        }
        world.server.relist(Watched::ManagedSecrets);
        let list = world.server.feeds.remove(&Watched::ManagedSecrets).unwrap();
        while !world.server.secrets.contains_key(&name()) {
            assert!(world.step(&request), "it is written");
        }
        let echo = world.server.feeds.remove(&Watched::ManagedSecrets).unwrap();
        if answer_first {
            assert!(world.advance(&request), "the answer");
        }
        world.server.feeds.insert(Watched::ManagedSecrets, list);
        while world.deliver(Watched::ManagedSecrets) {}
        let (asked, calls) = world.watch(World::settle);
        assert!(asked.contains("look interview-token"), "answer first: {answer_first}, {asked:?}");
        assert!(!asked.contains("write interview-token"), "answer first: {answer_first}, {asked:?}");
        assert_eq!(calls, 0, "answer first: {answer_first}");
        world.server.feeds.insert(Watched::ManagedSecrets, echo);
        let (_, calls) = world.watch(World::settle);
        assert_eq!(calls, 0);
        assert_eq!(world.ready(&request), "True Issued");
    }
}

/// Behaviour §6.4: said on whoever has nothing that could be lost by it, and nothing is issued for what nobody may see.
#[test]
fn a_list_that_is_refused_is_said_and_a_token_that_may_not_be_looked_at_stands() {
    let mut world = World::new();
    let partner = world.partner();
    let refuse = |world: &mut World| {
        world.server.feeds.remove(&Watched::ManagedSecrets);
        for _ in 0..3 {
            let refused = Change::Broken(stream(Watched::ManagedSecrets), Trouble::Forbidden);
            world.operator.turns.take(refused);
        }
    };
    refuse(&mut world);
    let (_, calls) = world.watch(World::settle);
    assert_eq!((calls, world.ready(&partner).as_str()), (0, "False ClusterAccessDenied"));
    assert!(world.message(&partner).contains("may not read Secrets"), "{}", world.message(&partner));
    world.server.relist(Watched::ManagedSecrets);
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");

    world.restart();
    refuse(&mut world);
    let (asked, calls) = world.watch(|world| world.pass(minutes(590)));
    assert_eq!((asked, calls), (BTreeSet::new(), 0));
    assert_eq!(world.ready(&partner), "True Issued");
    world.pass(minutes(10));
    assert_eq!(world.ready(&partner), "False ClusterAccessDenied", "nobody calls a dead one good");
    world.server.relist(Watched::ManagedSecrets);
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
}

/// Behaviour §1.5 and §6.4: a watch that is refused keeps what it knew, and it is said what is not noticed.
#[test]
fn a_watch_that_is_refused_later_is_said_and_stops_nothing() {
    for (what, right) in [
        (Watched::ManagedSecrets, "resources: [secrets], verbs: [get, list, watch]"),
        (Watched::OtherSecrets, "resources: [secrets], verbs: [get, list, watch]"),
        (Watched::Requests, "resources: [rocketlawyercredentials, scopedtokenrequests]"),
    ] {
        let mut world = World::new();
        let partner = world.partner();
        let request = world.request("interview", json!({}));
        world.settle();
        let both = [&partner, &request];
        let refused = || Change::Broken(stream(what), Trouble::Forbidden);
        (0..2).for_each(|_| world.operator.turns.take(refused()));
        assert_eq!(world.watch(World::settle), (BTreeSet::new(), 0));
        world.operator.turns.take(refused());
        world.settle();
        for key in both {
            assert_eq!(world.ready(key), "True Issued");
            let said = world.message(key);
            assert!(said.contains("What others change is not noticed: ") && said.contains(right), "{said}");
            assert_eq!(world.status(key)["failure"]["reason"], "ClusterAccessDenied");
        }
        let (asked, calls) = world.watch(|world| world.pass(minutes(8 * 60)));
        assert!(calls > 0 && asked.contains("write interview-token"), "{what:?}: {asked:?}");
        world.operator.turns.take(Change::Mended(stream(what)));
        world.settle();
        for key in both {
            assert_eq!(world.ready(key), "True Issued");
            assert!(!world.message(key).contains("noticed"), "{}", world.message(key));
            assert_eq!(world.status(key)["failure"], json!(null));
        }
    }
}

/// What only selectors need: whoever uses one says so, and is served when the list comes.
#[test]
fn a_refused_list_of_namespaces_costs_only_what_needs_it() {
    let mut world = World::new();
    world.server.label("web", &[("team", "web")]);
    world.server.feeds.remove(&Watched::Namespaces);
    let partner = world.partner();
    world.login("legal", "choosy-login", "app", "s3cret");
    let selector = json!({"from": "Selected", "selector": {"matchLabels": {"team": "web"}}});
    let choosy = world.credential("choosy", json!({"allowedNamespaces": selector}));
    let request = world.request("interview", json!({}));
    let selected =
        world.request("selected", json!({"credentialRef": {"name": "choosy", "namespace": "legal"}}));
    for refused in 1..=3 {
        let (asked, _) = world.watch(World::settle);
        assert!(asked.is_empty(), "refused {} times: {asked:?}", refused - 1);
        let change = Change::Broken(stream(Watched::Namespaces), Trouble::Forbidden);
        world.operator.turns.take(change);
    }
    world.settle();
    assert_eq!((world.ready(&partner), world.ready(&request)), ("True Issued".into(), "True Issued".into()));
    assert_eq!(world.ready(&choosy), "True Issued");
    assert!(world.message(&choosy).contains("may not read namespaces"), "{}", world.message(&choosy));
    assert!(!world.message(&partner).contains("namespaces"), "{}", world.message(&partner));
    assert_eq!(world.ready(&selected), "False CredentialNotFound");
    world.server.relist(Watched::Namespaces);
    world.settle();
    assert_eq!(world.ready(&selected), "True Issued");
    assert!(!world.message(&choosy).contains("namespaces"), "{}", world.message(&choosy));

    // What was seen of them stands when they may not be followed any more.
    for _ in 0..3 {
        world.operator.turns.take(Change::Broken(stream(Watched::Namespaces), Trouble::Forbidden));
    }
    world.settle();
    assert_eq!((world.ready(&choosy), world.ready(&selected)), ("True Issued".into(), "True Issued".into()));
    assert!(world.message(&choosy).contains("noticed: The operator may not read namespaces."));
    assert!(!world.message(&partner).contains("namespaces"), "{}", world.message(&partner));
}

/// What is seen of the credentials in `legal`, which `web` refers to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    None,
    Some,
    All,
}

/// One list is made namespace by namespace; that of `legal` is not.
fn list_all_but_legal(world: &mut World, what: Watched, seen: Seen) -> impl Fn(&str) -> Stream + use<> {
    let of = move |place: &str| Stream { what, namespace: Some(place.into()) };
    world.restart();
    let others = STREAMS.into_iter().filter(|other| *other != what).map(stream);
    let streams = others.chain(["legal", "web"].map(of));
    world.operator.turns = Turns::new(world.settings.clone(), unlimited(), streams);
    let listed = world.server.feeds.remove(&what).into_iter().flatten();
    let shown = listed.filter(|change| seen == Seen::Some && matches!(change, Change::Seen { .. }));
    let list = [Change::Relisting(of("web")), Change::Listed(of("web")), Change::Relisting(of("legal"))];
    list.into_iter().chain(shown).for_each(|change| world.operator.turns.take(change));
    of
}

/// The list of `legal` is made after all.
fn list_legal(world: &mut World, what: Watched) {
    let legal = Stream { what, namespace: Some("legal".into()) };
    world.server.relist(what);
    let list = world.server.feeds.remove(&what).unwrap();
    let shown = list.into_iter().filter(|change| matches!(change, Change::Seen { .. }));
    let whole = [Change::Relisting(legal.clone())].into_iter().chain(shown).chain([Change::Listed(legal)]);
    whole.for_each(|change| world.operator.turns.take(change));
    world.settle();
}

/// Behaviour §6.2: what is the operator's affair is said so, and whether the credential is there makes no difference.
#[test]
fn credentials_of_another_namespace_that_may_not_be_listed_are_not_called_absent() {
    let told = |seen: Seen| {
        let mut world = World::new();
        if seen != Seen::None {
            world.partner();
        }
        let request = world.request("interview", json!({}));
        let of = list_all_but_legal(&mut world, Watched::Credentials, seen);
        let refused = || Change::Broken(of("legal"), Trouble::Forbidden);
        world.operator.turns.take(refused());
        let (asked, _) = world.watch(World::settle);
        assert!(!asked.iter().any(|it| it.contains("interview")), "nobody knows yet: {asked:?}");
        assert_eq!(world.ready(&request), "Unknown Pending");
        world.operator.turns.take(refused());
        world.operator.turns.take(refused());
        let (asked, calls) = world.watch(|world| world.pass(minutes(60)));
        assert_eq!(world.ready(&request), "False ClusterAccessDenied");
        let said = world.message(&request);
        assert!(said.contains("may not list the credentials in namespace \"legal\""), "{said}");
        let mut status = world.status(&request).clone();
        status["conditions"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(|it| drop(it["lastTransitionTime"].take()));

        list_legal(&mut world, Watched::Credentials);
        let then = if seen == Seen::None { "False CredentialNotFound" } else { "True Issued" };
        assert_eq!(world.ready(&request), then);
        (status, asked.into_iter().filter(|it| it.contains("interview")).collect::<Vec<_>>(), calls)
    };
    assert_eq!(told(Seen::All), told(Seen::None));
    assert_eq!(told(Seen::Some), told(Seen::None));
}

#[test]
fn a_token_outlives_the_right_to_list_its_credential() {
    let mut world = World::new();
    world.partner();
    let request = world.request("interview", json!({}));
    world.settle();
    let of = list_all_but_legal(&mut world, Watched::Credentials, Seen::All);
    (0..3).for_each(|_| world.operator.turns.take(Change::Broken(of("legal"), Trouble::Forbidden)));
    let (asked, calls) = world.watch(|world| world.pass(minutes(240)));
    assert_eq!((asked, calls), (BTreeSet::new(), 0));
    assert_eq!(world.ready(&request), "True Issued");
    world.pass(minutes(180));
    assert_eq!(world.ready(&request), "True Issued");
    assert!(
        world.message(&request).contains("cannot be renewed: The operator may not list"),
        "when it is overdue"
    );
    world.pass(minutes(180));
    assert_eq!(world.ready(&request), "False ClusterAccessDenied");
}

/// It is not read before that is granted, so whoever would exchange with it is told.
#[test]
fn a_login_in_a_namespace_whose_secrets_may_not_be_listed_is_not_awaited_in_silence() {
    let mut world = World::new();
    world.partner();
    let front = world.front();
    let reference = json!({"name": "front", "namespace": "legal"});
    let request = world.request("interview", json!({"exchangeCredentialRef": reference}));
    let of = list_all_but_legal(&mut world, Watched::ManagedSecrets, Seen::None);
    (0..3).for_each(|_| world.operator.turns.take(Change::Broken(of("legal"), Trouble::Forbidden)));
    let (asked, calls) = world.watch(World::settle);
    assert!(calls == 0 && !asked.iter().any(|it| it.starts_with("read")), "{asked:?}");
    assert_eq!(world.ready(&front), "False ClusterAccessDenied");
    assert_eq!(world.ready(&request), "False CredentialNotReady");
    let said = world.message(&request);
    assert!(said.contains("\"legal/front\" cannot serve this object now (ClusterAccessDenied)"), "{said}");
    list_legal(&mut world, Watched::ManagedSecrets);
    assert_eq!((world.ready(&front), world.ready(&request)), ("True Available".into(), "True Issued".into()));
}

/// A client Secret is read, and deleted while the watch is broken.
#[test]
fn a_client_secret_that_a_list_no_longer_showed_is_not_used() {
    let mut world = World::new();
    let partner = world.partner();
    world.step_until(&partner, "read partner-login");
    world.server.delete_secret("legal", "partner-login");
    world.server.relist(Watched::OtherSecrets);
    while world.deliver(Watched::OtherSecrets) {}
    let (asked, calls) = world.watch(World::settle);
    assert_eq!(calls, 0);
    assert!(!asked.contains("look partner-access-token"), "that is another Secret: {asked:?}");
    assert_eq!(world.ready(&partner), "False ClientSecretNotFound");
    world.login("legal", "partner-login", "app", "s3cret");
    world.settle();
    assert_eq!(world.ready(&partner), "True Issued");
}
