//! Any situation at all, more or less likely.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::{collection, option};

use super::scene::{Place, STAMP, Scene, credential, frontend, request, t0};
use crate::api::Reason;
use crate::decision::{
    Ailment, Care, Chain, Content, FailedStep, Failure, Failures, InputsHash, LoginFact, LoginGap, Pace,
    Parked, Record, Renewal, SpecFault, Step, Unlisted, Validity, plan,
};

/// The next look that the plan asks for; `now` where it asks for an action, or for no look and no word ever.
pub(super) fn next_look(scene: &Scene, now: Timestamp) -> Timestamp {
    match plan(&scene.facts(), now) {
        Step::Wait(wait) => wait.until.unwrap_or(now),
        _ => now,
    }
}

/// Any scene, as lived in around [`t0`].
pub(super) fn scene() -> impl Strategy<Value = Scene> {
    let base = prop_oneof![3 => Just(request()), 3 => Just(credential()), 1 => Just(frontend())];
    let told = option::weighted(0.2, minutes(-60..900));
    let parts = (secret(), wish(), memory(), surroundings(), (endpoint(), told, unlisted()));
    (base, parts).prop_map(|(base, ((place, seen), wish, memory, around, endpoint))| {
        base.with(|it| {
            if it.place != Place::Unwanted {
                it.place = place;
            }
            (it.seen.record, it.seen.content) = (seen.0, seen.1);
            (it.seen.immutable, it.seen.deleting) = (seen.2 == 0, seen.2 == 1);
            it.seen.rendering = it.template.rendering().wrapping_add(seen.3);
            (it.fault, it.renewal, it.renew_until, it.ttl_after_finished) = wish.0;
            (it.suspended, it.refused_origin) = (wish.1 == 0, wish.1 == 1);
            it.made_for = (wish.2 > 0).then_some([1; 16]);
            it.made_with = (wish.2 > 1).then_some([2; 16]);
            it.renew_request = wish.3;
            (it.held, it.failures, it.care) = memory;
            if it.chain == Chain::Login {
                (it.login, it.validity) = (around.0, around.1);
                (it.token_refused, it.token_wanted) = (around.3 == 0, around.3 % 2 == 1);
                it.unproven = around.3 == 2;
            } else {
                it.chain = around.2;
            }
            it.deleting = around.3 == 9;
            (it.endpoint, it.says_ready, it.look) = (endpoint.0, around.3 > 4, around.3 == 4);
            it.told_attempt = endpoint.1;
            (it.unlisted, it.told_expires_at) = endpoint.2;
            it.unwatched = (around.3 == 7).then_some(Unlisted::Objects);
        })
    })
}

fn minutes(range: std::ops::Range<i64>) -> impl Strategy<Value = Timestamp> {
    range.prop_map(|it| t0() + SignedDuration::from_mins(it))
}

pub(super) fn any_record() -> impl Strategy<Value = Record> {
    let hash = prop_oneof![
        6 => Just(([1; 16], [2; 16])),
        1 => Just(([8; 16], [2; 16])),
        1 => Just(([1; 16], [9; 16])),
    ]
    .prop_map(|(made_for, made_with)| InputsHash::V1 { made_for, made_with });
    let hash = prop_oneof![5 => hash, 1 => Just(InputsHash::Other("v2:abc".into()))];
    let handled = option::of(prop_oneof![Just("now"), Just("then")]);
    (minutes(-600..600), 1..900_i64, hash, handled).prop_map(|(issued_at, life, inputs, handled)| Record {
        issued_at,
        expires_at: issued_at + SignedDuration::from_mins(life),
        inputs,
        renew_handled: handled.map(Into::into),
    })
}

type Seen = (Option<Record>, Content, u8, u64);

fn secret() -> impl Strategy<Value = (Place, Seen)> {
    let place = prop_oneof![
        1 => Just(Place::Unknown),
        3 => Just(Place::Absent),
        1 => Just(Place::Foreign),
        1 => Just(Place::Claimed),
        1 => Just(Place::FormerOwner),
        8 => Just(Place::Ours),
        2 => Just(Place::Orphan),
    ];
    let content =
        prop_oneof![6 => Just(Content::Intact), 1 => Just(Content::Edited), 1 => Just(Content::Unseen)];
    let record = option::weighted(0.9, any_record());
    (place, (record, content, 0..12_u8, prop_oneof![5 => Just(0_u64), 1 => Just(1_u64)]))
}

type Asked = (Option<SpecFault>, Renewal, Option<Timestamp>, Option<SignedDuration>);

fn wish() -> impl Strategy<Value = (Asked, u8, u8, Option<&'static str>)> {
    let renewal = prop_oneof![
        Just(Renewal::Default),
        (1..1000_i64).prop_map(|it| Renewal::Before(SignedDuration::from_mins(it))),
        (1..=90_u8).prop_map(Renewal::Percentage),
    ];
    let fault = prop_oneof![9 => Just(None), 1 => Just(Some(SpecFault::Undecodable))];
    let until = option::weighted(0.3, minutes(-300..900));
    let ttl = option::weighted(0.5, (0..120_i64).prop_map(SignedDuration::from_mins));
    let request = option::weighted(0.3, prop_oneof![Just("now"), Just("then")]);
    ((fault, renewal, until, ttl), 0..10_u8, 0..9_u8, request)
}

fn surroundings() -> impl Strategy<Value = (LoginFact, Validity, Chain<'static>, u8)> {
    let login = prop_oneof![
        8 => Just(LoginFact::Ready),
        1 => Just(LoginFact::Unread),
        1 => Just(LoginFact::Absent),
        1 => Just(LoginFact::Incomplete(LoginGap::NoId)),
    ];
    let validity = prop_oneof![Just(Validity::Unknown), Just(Validity::Accepted), Just(Validity::Refused)];
    let not_ready = Chain::NotReady { credential: "legal/partner", reason: Reason::InvalidClient };
    let chain = prop_oneof![
        6 => Just(Chain::Live),
        1 => Just(Chain::Absent),
        1 => Just(Chain::Unlisted { namespace: "legal" }),
        1 => Just(Chain::Misfit(SpecFault::EndpointsDiffer)),
        1 => Just(Chain::PurposeRefused),
        1 => Just(not_ready),
        1 => Just(Chain::Working),
    ];
    (login, validity, chain, 0..10_u8)
}

fn unlisted() -> impl Strategy<Value = (Option<Unlisted>, Option<Timestamp>)> {
    (option::weighted(0.1, Just(Unlisted::Secrets)), option::weighted(0.5, minutes(-30..900)))
}

fn endpoint() -> impl Strategy<Value = Option<Parked>> {
    let ailment = prop_oneof![Just(Ailment::Unreachable), Just(Ailment::Throttling)];
    let parked = (ailment, 1..9_u32, minutes(-60..0)).prop_map(|(ailment, count, since)| Parked {
        ailment,
        since,
        next_probe: since,
        count,
    });
    option::weighted(0.3, parked)
}

fn memory() -> impl Strategy<Value = (Option<Record>, Failures, Care)> {
    (option::weighted(0.2, any_record()), any_failures(), any_care()).prop_map(|(held, failures, care)| {
        // Where repairs were made, what is held is what was written.
        let written = held.as_ref().filter(|_| care.writes != Pace::default());
        let care = Care { known_record: written.map(Record::fingerprint), ..care };
        (held, failures, care)
    })
}

fn any_failures() -> impl Strategy<Value = Failures> {
    prop_oneof![2 => Just(0), 1 => Just(1), 1 => Just(2)]
        .prop_flat_map(|many| collection::vec(any_failure(), many))
        .prop_map(|all| {
            let mut failures = Failures::default();
            for failure in all {
                failures.note(failure);
            }
            failures
        })
}

fn any_failure() -> impl Strategy<Value = Failure> {
    let step = prop_oneof![
        Just(FailedStep::ReadClientSecret),
        Just(FailedStep::ReadManagedSecret),
        Just(FailedStep::AccessToken),
        Just(FailedStep::ServiceToken),
        Just(FailedStep::Exchange),
        Just(FailedStep::WriteSecret),
        Just(FailedStep::Delete),
    ];
    let reason = prop_oneof![
        Just(Reason::ServiceUnavailable),
        Just(Reason::RequestRejected),
        Just(Reason::InvalidClient),
        Just(Reason::QuotaExhausted),
        Just(Reason::SecretWriteRefused),
        Just(Reason::SecretNotOwned),
        Just(Reason::Pending),
    ];
    let stamp = prop_oneof![4 => Just(STAMP), 1 => Just(Failure::INHERITED), 1 => Just(STAMP + 1)];
    (step, reason, stamp, 1..9_u32, minutes(-60..900)).prop_map(
        |(step, reason, stamp, count, next_attempt)| Failure {
            // Nothing but a write finds that out.
            step: if reason == Reason::SecretNotOwned { FailedStep::WriteSecret } else { step },
            reason,
            http_status: Some(503),
            error_code: None,
            count,
            since: t0(),
            next_attempt: Some(next_attempt),
            stamp,
        },
    )
}

fn any_care() -> impl Strategy<Value = Care> {
    let repair = option::weighted(0.3, minutes(-30..900));
    let pace = (option::weighted(0.3, Just(1)), option::weighted(0.3, minutes(-30..900)))
        .prop_map(|(basis, spent_until)| Pace { basis, spent_until });
    let repairs = option::weighted(0.3, (90..150_i64).prop_map(|it| t0() + SignedDuration::from_secs(it)));
    (any::<[bool; 3]>(), 0..10_u8, repair, pace, repairs).prop_map(
        |(flags, rare, last_repair, pace, repairs)| Care {
            pace,
            writes: Pace { basis: None, spent_until: repairs },
            rendered: None,
            vanished: flags[0],
            edited: false,
            owner_confirmed: flags[1],
            content_lost: flags[2] && rare < 4,
            last_repair,
            clock_set: SignedDuration::ZERO,
            held_clock_set: SignedDuration::ZERO,
            asked_again: rare == 7,
            namespace_goes_since: (rare == 9).then(t0),
            rehearse: rare == 8,
            landed: false,
            known_record: None,
            known_seal: None,
            strange: matches!(rare, 5 | 6),
            made_up: rare == 6,
        },
    )
}
