//! What a missing right costs: one question in ten seconds, whoever lacks it.

use jiff::{SignedDuration, Timestamp};

use super::{EVERY, Rights};
use crate::decision::{Key, Kind, On, Right, Verb};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("an instant")
}

fn key(n: usize) -> Key {
    Key::new(Kind::Request, "web", format!("r{n}"))
}

fn right(verb: Verb) -> Right {
    Right { namespace: "web".into(), verb, on: On::Secrets }
}

/// The questions that are asked at that time.
fn asked(rights: &mut Rights, now: Timestamp) -> Vec<String> {
    std::iter::from_fn(|| rights.ask(now, |_, _| true)).map(|(right, _)| right.to_string()).collect()
}

#[test]
fn one_question_in_ten_seconds_for_all_who_were_refused() {
    let mut rights = Rights::default();
    for n in 0..1000 {
        rights.miss(right(Verb::Create), key(n), true, at(0));
        rights.miss(right(Verb::Update), key(n), true, at(5));
    }
    assert_eq!(asked(&mut rights, at(9)), Vec::<String>::new());
    assert_eq!(rights.next_question(), Some(at(10)));
    assert_eq!(asked(&mut rights, at(10)), ["create secrets in web"]);
    // While it is asked, nobody asks again.
    assert_eq!(rights.next_question(), Some(at(15)));
    assert_eq!(rights.answered(&right(Verb::Create), Some(false), at(11)).len(), 0);
    assert_eq!(asked(&mut rights, at(15)), ["update secrets in web"]);
    assert_eq!(rights.answered(&right(Verb::Update), None, at(20)).len(), 0);
    assert_eq!(asked(&mut rights, at(21)), ["create secrets in web"]);
    assert_eq!(rights.answered(&right(Verb::Create), Some(true), at(21)).len(), 1000);
    assert_eq!(asked(&mut rights, at(30)), ["update secrets in web"]);
}

#[test]
fn what_was_refused_for_something_else_is_asked_for_once() {
    let mut rights = Rights::default();
    rights.miss(right(Verb::Get), key(0), false, at(0));
    assert_eq!(asked(&mut rights, at(10)), ["get secrets in web"]);
    assert!(rights.answered(&right(Verb::Get), Some(true), at(10)).is_empty());
    assert_eq!(rights.next_question(), None);
    // Once the server has said that it is missing, that is what it was.
    rights.miss(right(Verb::Get), key(0), false, at(20));
    asked(&mut rights, at(30));
    rights.answered(&right(Verb::Get), Some(false), at(30));
    asked(&mut rights, at(40));
    assert_eq!(rights.answered(&right(Verb::Get), Some(true), at(40)), [key(0)].into());
}

#[test]
fn for_nobody_nothing_is_asked() {
    let mut rights = Rights::default();
    rights.miss(right(Verb::Create), key(0), true, at(0));
    rights.miss(right(Verb::Create), key(1), true, at(0));
    assert_eq!(rights.ask(at(10), |it, _| *it == key(1)).map(|(_, key)| key), Some(key(1)));
    rights.answered(&right(Verb::Create), Some(false), at(10));
    assert_eq!(rights.ask(at(20), |_, _| false), None);
    assert_eq!(rights.next_question(), None);
}

/// A tenant may make namespaces, and a webhook that authorizes may hang.
#[test]
fn many_rights_are_asked_for_in_turn_few_at_a_time_and_ten_a_second() {
    let mut rights = Rights::default();
    let of = |n: usize| Right { namespace: format!("team-{n:04}").into(), verb: Verb::Get, on: On::Secrets };
    for n in 0..1000 {
        rights.miss(of(n), key(0), true, at(0));
    }
    let first = asked(&mut rights, at(10));
    assert_eq!(first.len(), 4);
    assert_eq!(rights.next_question(), None, "until one is answered nothing is to be done");
    for n in 0..1000 {
        rights.answered(&of(n), Some(false), at(10));
        let next = asked(&mut rights, at(10));
        assert_eq!(next.first(), (n < 996).then(|| of(n + 4).to_string()).as_ref());
    }
    assert_eq!(rights.next_question(), Some(at(110)));
}

#[test]
fn a_clock_that_is_set_back_postpones_no_question() {
    let mut rights = Rights::default();
    rights.miss(right(Verb::Create), key(0), true, at(0));
    let long_before = at(0) - SignedDuration::from_hours(24);
    assert_eq!(asked(&mut rights, long_before), ["create secrets in web"]);
    rights.answered(&right(Verb::Create), Some(false), long_before);
    assert_eq!(rights.next_question(), Some(long_before + EVERY));
}

#[test]
fn each_right_is_asked_for_as_the_api_server_names_it() {
    let named = |verb, on| Right { namespace: "web".into(), verb, on }.to_string();
    assert_eq!(named(Verb::Get, On::Objects(Kind::Credential)), "get rocketlawyercredentials in web");
    assert_eq!(named(Verb::Patch, On::Status(Kind::Request)), "patch scopedtokenrequests/status in web");
    assert_eq!(right(Verb::Create).resource(), ("", "secrets", ""));
    let of_ours = Right { namespace: "web".into(), verb: Verb::Get, on: On::Objects(Kind::Request) };
    assert_eq!(of_ours.resource(), ("auth.rocketlawyer.com", "scopedtokenrequests", ""));
}
