//! What if the operator dies in the middle? Killed before and after each effect of each thing it does, it is started again,
//! gets there, and has issued at most one token more: none where none was lost.

mod scenarios;
mod subject;

use std::thread;
use std::time::Duration;

use rocketlawyer_operator::clock;
use serde_json::json;

use super::api_proxy::{ApiProxy, Moment};
use super::process::until;
use super::told;
use super::world::{PATIENCE, Wishes, World};
use scenarios::{OF_CREDENTIALS, OF_FRONTENDS, OF_REQUESTS, OF_SERVICE_TOKENS};
use subject::Subject;

/// Something that the operator does, and all that it takes.
struct Scenario {
    name: &'static str,
    /// There before it begins.
    given: Given,
    /// What its request is for.
    asks: Asks,
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
enum Asks {
    /// A scoped token, exchanged with the credential's own login.
    Scoped,
    /// One exchanged with the login of a Frontend credential.
    ByFrontend,
    /// A service token.
    Service,
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

#[test]
fn a_credential_gets_there_whatever_effect_the_operator_dies_at() {
    side_by_side(OF_CREDENTIALS);
}

#[test]
fn a_request_gets_there_whatever_effect_the_operator_dies_at() {
    side_by_side(OF_REQUESTS);
}

#[test]
fn a_service_token_is_delivered_whatever_effect_the_operator_dies_at() {
    side_by_side(OF_SERVICE_TOKENS);
}

#[test]
fn a_frontend_credential_exchanges_whatever_effect_the_operator_dies_at() {
    side_by_side(OF_FRONTENDS);
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
    let mut rested: Vec<_> = rested.map(|number| Subject::new(&world, number, scenario)).collect();
    if let Some(last) = rested.last() {
        let rested = told::instant(&json!(last.before[1])) + HAND_RENEWAL_REST;
        assert!(until(PATIENCE, || (clock::now() > rested).then_some(())).is_some());
    }
    let mut subject = |world: &mut World, number| {
        let subject = rested.pop().unwrap_or_else(|| Subject::new(world, number, scenario));
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
    subject.tells_of_what_is_there(world);
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
