//! Whatever happens in whatever order, and wherever it is cut: it converges, and no token is issued for nothing.

use proptest::prelude::*;
use serde_json::json;

use super::super::{STREAMS, World};
use super::{hours, minutes};
use crate::auth::Call;
use crate::cluster::secrets::WriteRefused;
use crate::decision::{Content, Key};

/// What people do meanwhile.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Renew,
    Relabel,
    EditToken,
    AddKey,
    DeleteSecret,
    TouchLogin,
    Suspend,
    Resume,
    Pass(i64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        Just(Deed::Renew),
        Just(Deed::Relabel),
        Just(Deed::EditToken),
        Just(Deed::AddKey),
        Just(Deed::DeleteSecret),
        Just(Deed::TouchLogin),
        Just(Deed::Suspend),
        Just(Deed::Resume),
        (1..400_i64).prop_map(Deed::Pass),
        (1..3_i64).prop_map(Deed::Pass),
    ];
    proptest::collection::vec(deed, 0..5)
}

/// One move of the scheduler: which of what could happen next does.
fn one_move(world: &mut World, choice: u8) -> bool {
    let choice = usize::from(choice);
    let busy = world.operator.busy();
    let mut ways = vec![0, 1];
    ways.rotate_left(choice % 2);
    for way in ways {
        let moved = match way {
            0 if !busy.is_empty() => world.advance(&busy[choice % busy.len()]),
            0 => world.operator.turn_next(world.now),
            _ => {
                let mut streams = STREAMS;
                streams.rotate_left(choice % STREAMS.len());
                let any = streams.into_iter().any(|what| world.deliver(what));
                any || world.operator.turn_next(world.now)
            }
        };
        if moved {
            return true;
        }
    }
    false
}

fn stir(world: &mut World, choices: &mut impl Iterator<Item = u8>) {
    for choice in choices {
        if !one_move(world, choice) {
            return;
        }
    }
    world.settle();
}

fn do_it(world: &mut World, deed: Deed, request: &Key, n: usize) {
    let name = ("web".to_owned(), "interview-token".to_owned());
    let there = world.server.secrets.contains_key(&name);
    match deed {
        Deed::Renew => world.renew(request, &format!("r{n}")),
        Deed::Relabel => world.edit(request, json!({"secret": {"labels": {"n": n.to_string()}}})),
        Deed::EditToken if there => {
            world.edit_secret(&name.0, &name.1, |it| it["data"]["access_token"] = json!("eA=="));
        }
        Deed::AddKey if there => {
            world.edit_secret(&name.0, &name.1, |it| it["data"]["extra"] = json!("eA=="));
        }
        Deed::DeleteSecret if there => world.server.delete_secret(&name.0, &name.1),
        Deed::EditToken | Deed::AddKey | Deed::DeleteSecret => {}
        Deed::TouchLogin => world.login("legal", "partner-login", "app", "s3cret"),
        Deed::Suspend => world.edit(request, json!({"suspend": true})),
        Deed::Resume => world.edit(request, json!({"suspend": false})),
        Deed::Pass(n) => world.pass(minutes(n)),
    }
}

/// Both are ready, as their specs want them; status says what the Secrets say; nothing is left to do.
fn is_in_order(world: &mut World, partner: &Key, request: &Key) {
    for (key, namespace, name) in
        [(partner, "legal", "partner-access-token"), (request, "web", "interview-token")]
    {
        assert_eq!(world.ready(key), "True Issued", "{key:?}: {}", world.status(key));
        let seen = world.secret(namespace, name);
        assert_eq!(seen.content, Content::Intact);
        let record = seen.record.expect("a record");
        let told = world.status(key)["token"]["expiresAt"].as_str().unwrap().to_owned();
        let ends = jiff::Timestamp::from_second(record.expires_at.as_second()).unwrap();
        assert_eq!(told, ends.to_string(), "{key:?}");
        assert!(world.status(key)["failure"].is_null());
        assert_eq!(world.value(namespace, name, "extra"), None);
        let labels = |it: &serde_json::Value| it["labels"]["n"].clone();
        let secret = &world.server.secrets[&(namespace.to_owned(), name.to_owned())];
        assert_eq!(labels(&secret["metadata"]), labels(&world.server.objects[key].spec["secret"]), "{key:?}");
    }
    let (asked, calls) = world.watch(World::settle);
    assert!(asked.is_empty() && calls == 0, "{asked:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Cut after any effect, at any point of any schedule: it converges; each crash costs at most one token of each kind
    /// more than the same life without it.
    #[test]
    fn a_crash_after_any_effect_converges(
        cut in 0..14_usize,
        again in proptest::option::of(0..14_usize),
        refused in proptest::option::weighted(0.2, Just(WriteRefused::Quota)),
        choices in proptest::collection::vec(any::<u8>(), 400),
    ) {
        let mut world = World::new();
        let mut choices = choices.into_iter();
        let partner = world.partner();
        let request = world.request("interview", json!({}));
        world.server.refuse_writes = refused;
        let mut crashes = 0;
        for cut in [Some(cut), again].into_iter().flatten() {
            let end = world.effects + cut;
            while world.effects < end {
                let Some(choice) = choices.next() else { break };
                if !one_move(&mut world, choice) {
                    break;
                }
            }
            world.restart();
            crashes += 1;
        }
        stir(&mut world, &mut choices);
        world.server.refuse_writes = None;
        world.pass(minutes(16));
        is_in_order(&mut world, &partner, &request);
        prop_assert!(world.service.count(Call::AccessToken) <= 1 + crashes);
        prop_assert!(world.service.count(Call::ServiceToken) <= 1 + crashes);
    }

    /// Watches that lag behind, in any order between the streams, repeat themselves or begin anew: a record that is stale
    /// never issues. Every token has a cause: the first, a renewal whose time had come or that was asked for, or a loss.
    #[test]
    fn stale_records_never_issue_twice(
        deeds in deeds(),
        repeats in any::<[bool; 5]>(),
        choices in proptest::collection::vec(any::<u8>(), 600),
    ) {
        let mut world = World::new();
        let mut choices = choices.into_iter();
        let partner = world.partner();
        let request = world.request("interview", json!({}));
        stir(&mut world, &mut choices.by_ref().take(100));
        let mut causes = 1;
        for (n, deed) in deeds.into_iter().enumerate() {
            causes += match deed {
                Deed::Renew | Deed::EditToken | Deed::DeleteSecret => 1,
                // Two renewals at most in 400 minutes, of a token that lives for 600; a lost one is replaced later.
                Deed::Pass(minutes) if minutes > 2 => 2,
                _ => 0,
            };
            do_it(&mut world, deed, &request, n);
            // Often the next comes while this one is under way.
            let moves = choices.next().map_or(0, |choice| usize::from(choice % 40));
            for choice in choices.by_ref().take(moves) {
                one_move(&mut world, choice);
            }
            for (what, _) in STREAMS.into_iter().zip(repeats).filter(|(_, repeats)| *repeats) {
                world.server.relist(what);
            }
        }
        world.edit(&request, json!({"suspend": false}));
        stir(&mut world, &mut choices);
        world.pass(minutes(11));
        is_in_order(&mut world, &partner, &request);
        let issued = world.service.count(Call::ServiceToken);
        prop_assert!(issued <= causes + 1, "{} tokens for {} causes", issued, causes);
        let before = world.service.total();
        world.pass(hours(1));
        prop_assert!(world.service.total() - before <= 3, "at most one renewal of each in an hour");
    }
}
