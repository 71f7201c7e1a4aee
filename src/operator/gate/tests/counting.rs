//! What the parts of a gate count: permits, answers, ages.

use super::super::crowd::{ANSWERS_PER_STEP, Crowd};
use super::super::health::{Health, Turn};
use super::super::{Limits, MOST_AT_ONCE, Verdict};
use super::{asks, key, origin, renewal, t0, without_rate};

#[test]
fn one_more_call_is_allowed_for_each_so_many_good_answers() {
    let mut crowd = Crowd::new(Limits::default());
    let most = crowd.cap();
    crowd.halve();
    assert_eq!(crowd.cap(), most / 2);
    let allowed = |crowd: &mut Crowd, answers| {
        crowd.answered(answers);
        crowd.cap() - most / 2
    };
    let steps =
        [(ANSWERS_PER_STEP - 1, 0), (1, 1), (ANSWERS_PER_STEP - 1, 1), (2, 2), (ANSWERS_PER_STEP - 1, 3)];
    for (answers, more) in steps {
        assert_eq!(allowed(&mut crowd, answers), more);
    }
    (0..10_000).for_each(|_| crowd.answered(1));
    assert_eq!(crowd.cap(), most);
}

#[test]
fn the_load_counts_every_permit() {
    let mut gates = without_rate();
    let load =
        |gates: &super::Gates| gates.occupancy().next().map(|(_, load)| (load.in_flight, load.waiting));
    assert!(asks(&mut gates, &key(0), renewal(2), t0()));
    assert!(asks(&mut gates, &key(1), renewal(1), t0()));
    assert_eq!(load(&gates), Some((3, 0)));
    // As many as can ever be had at once, and at least one.
    assert!(asks(&mut gates, &key(2), renewal(1000), t0()));
    assert!(asks(&mut gates, &key(3), renewal(0), t0()));
    assert_eq!(load(&gates), Some((3 + MOST_AT_ONCE + 1, 0)));
    (4..40).for_each(|n| drop(gates.ask(&origin(false), &key(n), renewal(1), t0())));
    let (in_flight, waiting) = load(&gates).expect("one origin");
    assert_eq!((in_flight, waiting), (32, 36 - (32 - 6)));
}

#[test]
fn a_good_answer_from_before_the_gate_was_closed_is_no_news() {
    let mut health = Health::default();
    let hear =
        |health: &mut Health, n, age, verdict| health.hear(&origin(false), &key(n), age, verdict, t0());
    let age = health.age();
    assert_eq!(hear(&mut health, 0, age, Verdict::Served), Turn::Served);
    assert_eq!(hear(&mut health, 5, age, Verdict::Unreachable), Turn::None);
    assert!(matches!(hear(&mut health, 1, age, Verdict::Unreachable), Turn::Closed(_)));
    assert_eq!(health.age(), age + 1);
    assert_eq!(hear(&mut health, 2, age, Verdict::Served), Turn::None);
    health.admit(&key(3), false);
    let began = health.age();
    assert_eq!(hear(&mut health, 3, began, Verdict::Served), Turn::Opened);
    assert_eq!(health.age(), age + 2);
    // Two closings are two ages.
    assert_eq!(hear(&mut health, 4, age + 1, Verdict::Unreachable), Turn::None);
    assert_eq!(hear(&mut health, 5, age + 2, Verdict::Unreachable), Turn::None);
    assert!(matches!(hear(&mut health, 4, age + 2, Verdict::Unreachable), Turn::Closed(_)));
    assert_eq!(health.age(), age + 3);
}
