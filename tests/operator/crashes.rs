//! What if the operator dies in the middle? Killed before and after each effect of each thing it does, it is started again,
//! gets there, and has issued at most one token more: none where none was lost.

use std::thread;
use std::time::Duration;

use rocketlawyer_operator::clock;
use rocketlawyer_operator::emulator::{App, AppScope, Call, Outcome};
use serde_json::json;

use super::api_proxy::{ApiProxy, Moment};
use super::process::until;
use super::server::Kind;
use super::told::{self, annotation, data};
use super::world::{PATIENCE, Wishes, World};

const AUTH: &str = "POST accesstoken";
const SERVICE: &str = "POST servicetoken";
const CREATE: &str = "POST secrets";
const UPDATE: &str = "PUT secrets";
const TOLD: &str = "PATCH rocketlawyercredentials/status";
const REQUEST_TOLD: &str = "PATCH scopedtokenrequests/status";

/// Something that the operator does, and all that it takes.
struct Scenario {
    name: &'static str,
    /// There before it begins.
    given: Given,
    begin: fn(&World, &Subject),
    /// Its effects; those of two objects come in any order.
    effects: &'static [&'static str],
    /// Tokens that it costs: access tokens, service tokens, scoped tokens.
    costs: [usize; 3],
    /// What it leads to beyond a good token.
    wanted: Wanted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    ClientSecret,
    Credential,
    /// One whose token was issued by an operator that has ended since: nobody has it in memory.
    CredentialOfAnother,
    Request,
    /// Both, issued so long ago that they may be renewed by hand.
    Rested,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A good token for the credential, and for the request where there is one.
    Good,
    /// Another token of the credential.
    AnotherOfCredential,
    /// Another token of the request.
    AnotherOfRequest,
    /// Another token of both.
    AnotherOfBoth,
}

/// One credential, its client Secret and one request; their names end in a number.
struct Subject {
    number: usize,
    app: App,
    /// When the tokens were issued that were there before, credential and request.
    before: [String; 2],
}

/// Of a credential's own work.
const OF_CREDENTIALS: &[Scenario] = &[
    Scenario {
        name: "first-issue",
        given: Given::ClientSecret,
        begin: |world, it| it.create_credential(world),
        effects: &[AUTH, CREATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::Good,
    },
    Scenario {
        name: "renewal",
        given: Given::Rested,
        begin: |world, it| world.ask_for_renewal(Kind::Credential, &it.credential(), "now"),
        effects: &[AUTH, UPDATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::AnotherOfCredential,
    },
    Scenario {
        name: "put-back",
        given: Given::Credential,
        begin: |world, it| world.delete(Kind::Secret, &it.secret(Kind::Credential)),
        effects: &[CREATE],
        costs: [0, 0, 0],
        wanted: Wanted::Good,
    },
    Scenario {
        name: "repair",
        given: Given::CredentialOfAnother,
        begin: |world, it| world.delete(Kind::Secret, &it.secret(Kind::Credential)),
        effects: &[AUTH, CREATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::AnotherOfCredential,
    },
    Scenario {
        name: "changed-secret",
        given: Given::Credential,
        begin: |world, it| world.change_secret(&it.app, "another"),
        effects: &[AUTH, UPDATE, TOLD],
        costs: [1, 0, 0],
        wanted: Wanted::AnotherOfCredential,
    },
];

/// Of a request's, and of the chain that it is at the end of.
const OF_REQUESTS: &[Scenario] = &[
    Scenario {
        name: "first-exchange",
        given: Given::Credential,
        begin: |world, it| it.create_request(world),
        effects: &[SERVICE, AUTH, CREATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::Good,
    },
    Scenario {
        name: "request-renewal",
        given: Given::Rested,
        begin: |world, it| world.ask_for_renewal(Kind::Request, &it.request(), "now"),
        effects: &[SERVICE, AUTH, UPDATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::AnotherOfRequest,
    },
    Scenario {
        name: "request-repair",
        given: Given::Request,
        begin: |world, it| world.delete(Kind::Secret, &it.secret(Kind::Request)),
        effects: &[SERVICE, AUTH, CREATE, REQUEST_TOLD],
        costs: [0, 1, 1],
        wanted: Wanted::AnotherOfRequest,
    },
    Scenario {
        name: "changed-app",
        given: Given::Request,
        begin: |world, it| it.change_app(world),
        effects: &[AUTH, UPDATE, TOLD, SERVICE, AUTH, UPDATE, REQUEST_TOLD],
        costs: [1, 1, 1],
        wanted: Wanted::AnotherOfBoth,
    },
    Scenario {
        name: "refused-token",
        given: Given::Credential,
        begin: |world, it| {
            world.emulator.revoke(&it.app.client_id);
            it.create_request(world);
        },
        effects: &[SERVICE, AUTH, UPDATE, TOLD, SERVICE, AUTH, CREATE, REQUEST_TOLD],
        costs: [1, 1, 1],
        wanted: Wanted::AnotherOfCredential,
    },
];

#[test]
fn a_credential_gets_there_whatever_effect_the_operator_dies_at() {
    side_by_side(OF_CREDENTIALS);
}

#[test]
fn a_request_gets_there_whatever_effect_the_operator_dies_at() {
    side_by_side(OF_REQUESTS);
}

/// Each in a world of its own.
fn side_by_side(scenarios: &'static [Scenario]) {
    thread::scope(|scope| {
        let running: Vec<_> = scenarios.iter().map(|it| (it.name, scope.spawn(|| play(it)))).collect();
        let failed: Vec<_> =
            running.into_iter().filter_map(|(name, it)| it.join().is_err().then_some(name)).collect();
        assert!(failed.is_empty(), "failed: {failed:?}");
    });
}

fn play(scenario: &Scenario) {
    let wishes = Wishes { proxied: true, proxied_service: true, ..Wishes::default() };
    let mut world = World::new(&format!("dies-{}", scenario.name), &wishes);
    world.operator.start();
    let points = scenario.effects.len() * 2;
    let rested = (0..=points).filter(|_| scenario.given == Given::Rested);
    let mut rested: Vec<_> = rested.map(|number| Subject::new(&world, number, scenario.given)).collect();
    if let Some(last) = rested.last() {
        let rested = told::instant(&json!(last.before[1])) + HAND_RENEWAL_REST;
        assert!(until(PATIENCE, || (clock::now() > rested).then_some(())).is_some());
    }
    let mut subject = |world: &mut World, number| {
        let subject = rested.pop().unwrap_or_else(|| Subject::new(world, number, scenario.given));
        if scenario.given == Given::CredentialOfAnother {
            world.operator.kill();
            world.operator.start();
        }
        subject
    };

    let whole = subject(&mut world, points);
    proxy(&world).forget();
    (scenario.begin)(&world, &whole);
    whole.arrives(&world, scenario);
    assert_eq!(sorted(&proxy(&world).effects()), sorted(scenario.effects), "{}", scenario.name);
    assert_eq!(whole.cost(&world, scenario), scenario.costs, "{}", scenario.name);

    let moments = [Moment::Before, Moment::After];
    let each = (0..scenario.effects.len()).flat_map(|effect| moments.map(|moment| (effect, moment)));
    let killed: Vec<_> = each
        .enumerate()
        .map(|(number, (effect, moment))| {
            let subject = subject(&mut world, number);
            let most = die(&mut world, scenario, &subject, effect, moment);
            (effect, moment, subject, most)
        })
        .collect();
    world.settle();
    for (effect, moment, subject, most) in killed {
        let cost = subject.cost(&world, scenario);
        let within = |it: usize| (scenario.costs[it]..=most[it]).contains(&cost[it]);
        assert!(
            [0, 1, 2].into_iter().all(within),
            "{} killed {moment:?} effect {effect} cost {cost:?}, not {:?} to {most:?}\n{}",
            scenario.name,
            scenario.costs,
            world.situation()
        );
    }
}

/// A renewal by hand comes no sooner after an issue.
const HAND_RENEWAL_REST: Duration = Duration::from_secs(31);

/// Kills the operator there, starts it again and waits until the subject is in order. Returns what it may cost at most.
fn die(
    world: &mut World,
    scenario: &Scenario,
    subject: &Subject,
    effect: usize,
    moment: Moment,
) -> [usize; 3] {
    proxy(world).forget();
    proxy(world).stop_at(effect, moment);
    (scenario.begin)(world, subject);
    let stopped = until(PATIENCE, || proxy(world).has_stopped().then_some(()));
    let (name, effects) = (scenario.name, proxy(world).effects());
    assert!(stopped.is_some(), "{name}: no effect {effect} of {effects:?}\n{}", world.situation());
    world.operator.kill();
    let most = subject.most(world, scenario);
    proxy(world).go_on();
    world.operator.start();
    subject.arrives(world, scenario);
    most
}

fn sorted<T: AsRef<str>>(effects: &[T]) -> Vec<&str> {
    let mut sorted: Vec<_> = effects.iter().map(AsRef::as_ref).collect();
    sorted.sort_unstable();
    sorted
}

fn proxy(world: &World) -> &ApiProxy {
    world.proxy.as_ref().expect("a proxy")
}

impl Subject {
    fn new(world: &World, number: usize, given: Given) -> Self {
        let app = world.login(&format!("client-{number}"), AppScope::Backend);
        let mut subject = Self { number, app, before: Default::default() };
        if given != Given::ClientSecret {
            subject.create_credential(world);
            world.wait_ready(Kind::Credential, &subject.credential());
            subject.before[0] = subject.issued_at(world, Kind::Credential);
        }
        if matches!(given, Given::Request | Given::Rested) {
            subject.create_request(world);
            world.wait_ready(Kind::Request, &subject.request());
            subject.before[1] = subject.issued_at(world, Kind::Request);
        }
        subject
    }

    fn credential(&self) -> String {
        format!("partner-{}", self.number)
    }

    fn request(&self) -> String {
        format!("interview-{}", self.number)
    }

    fn secret(&self, kind: Kind) -> String {
        match kind {
            Kind::Credential => format!("{}-access-token", self.credential()),
            _ => format!("{}-token", self.request()),
        }
    }

    fn issued_at(&self, world: &World, kind: Kind) -> String {
        annotation(&world.secret(&self.secret(kind)), "issued-at").to_owned()
    }

    fn create_credential(&self, world: &World) {
        let client = format!("client-{}", self.number);
        world.credential(&self.credential(), json!({"clientSecretRef": {"name": client}}));
    }

    fn create_request(&self, world: &World) {
        world.request(&self.request(), json!({"credentialRef": {"name": self.credential()}}));
    }

    /// Puts another app's key and secret into the client Secret.
    fn change_app(&self, world: &World) {
        let app = App::new(&self.other_client_id(), "other-secret", AppScope::Backend);
        let data = json!({"client_id": app.client_id, "client_secret": app.client_secret});
        world.emulator.put_app(app);
        world.edit(Kind::Secret, &format!("client-{}", self.number), json!({"stringData": data}));
    }

    fn other_client_id(&self) -> String {
        format!("other-{}-key", self.number)
    }

    /// Waits until all is as it should be: told, and true.
    fn arrives(&self, world: &World, scenario: &Scenario) {
        let another = match scenario.wanted {
            Wanted::Good => [false, false],
            Wanted::AnotherOfCredential => [true, false],
            Wanted::AnotherOfRequest => [false, true],
            Wanted::AnotherOfBoth => [true, true],
        };
        let objects =
            [(Kind::Credential, self.credential(), "access"), (Kind::Request, self.request(), "scoped")];
        for (index, (kind, name, page)) in objects.into_iter().enumerate() {
            if world.get(kind, &name).is_null() {
                continue;
            }
            let before = &self.before[index];
            let secret = world.wait_for(Kind::Secret, &self.secret(kind), |it| {
                !it.is_null() && (!another[index] || annotation(it, "issued-at") != before)
            });
            let expires = told::instant(&json!(annotation(&secret, "expires-at"))).as_second();
            world.wait_for(kind, &name, |it| {
                told::is(it, "True/Issued")
                    && told::instant(&it["status"]["token"]["expiresAt"]).as_second() == expires
            });
            assert!(world.opens(page, &data(&secret, "authorization")), "{kind:?} {name} is dead");
        }
    }

    /// What it may cost now that the operator is dead: each token that is in no Secret once more.
    fn most(&self, world: &World, scenario: &Scenario) -> [usize; 3] {
        let made = self.cost(world, scenario);
        let is_written = |kind, index: usize| {
            let secret = world.get(kind, &self.secret(kind));
            !secret.is_null() && annotation(&secret, "issued-at") != self.before[index]
        };
        let written =
            [(Kind::Credential, 0), (Kind::Request, 1)].map(|(kind, index)| is_written(kind, index));
        let mut most = scenario.costs;
        for (index, of) in [(0, 0), (1, 1), (2, 1)] {
            most[index] += usize::from(made[index] > usize::from(written[of]));
        }
        // What was to be put back was in memory, and is in no Secret.
        let forgotten =
            scenario.costs[0] == 0 && world.get(Kind::Secret, &self.secret(Kind::Credential)).is_null();
        most[0] += usize::from(forgotten);
        most
    }

    /// What was issued for it after it was prepared: access tokens, service tokens, scoped tokens.
    fn cost(&self, world: &World, scenario: &Scenario) -> [usize; 3] {
        let given = match scenario.given {
            Given::ClientSecret => [0, 0, 0],
            Given::Credential | Given::CredentialOfAnother => [1, 0, 0],
            Given::Request | Given::Rested => [1, 1, 1],
        };
        let (ours, other) = (self.app.client_id.as_str(), self.other_client_id());
        let mut granted = world.emulator.log();
        granted.retain(|it| {
            let client = it.client_id.as_deref();
            it.outcome == Outcome::Granted && (client == Some(ours) || client == Some(&other))
        });
        let count = |call| granted.iter().filter(|it| it.call == call).count();
        let all = [Call::AccessToken, Call::ServiceToken, Call::Exchange].map(count);
        [0, 1, 2].map(|index| all[index] - given[index])
    }
}
