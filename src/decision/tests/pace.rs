//! Changes in a row: how many are tried at once, and when the next.

use jiff::SignedDuration;

use super::scene::t0;
use crate::decision::Pace;

fn secs(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

/// A pace after changes in a row, a second apart.
fn after_changes(count: u64) -> Pace {
    let mut pace = Pace::default();
    for (basis, second) in (0..count).zip(0..) {
        pace.attempted(basis, t0() + secs(second));
    }
    pace
}

#[test]
fn five_changes_are_tried_at_once_and_then_one_in_half_a_minute() {
    let now = t0() + secs(5);
    assert_eq!(after_changes(0).rests_until(9, now), None);
    assert_eq!(after_changes(4).rests_until(9, now), None);
    assert_eq!(after_changes(5).rests_until(9, now), Some(t0() + secs(30)));
    assert_eq!(after_changes(5).rests_until(9, t0() + secs(30)), None);
    let mut pace = after_changes(5);
    pace.attempted(9, t0() + secs(30));
    assert_eq!(pace.rests_until(10, t0() + secs(31)), Some(t0() + secs(60)));
    assert_eq!(pace.rests_until(10, t0() + secs(600)), None, "all is forgotten");
}

#[test]
fn what_is_tried_again_without_a_change_keeps_its_own_times() {
    let mut pace = after_changes(5);
    assert_eq!(pace.rests_until(4, t0() + secs(5)), None);
    let before = pace;
    pace.attempted(4, t0() + secs(6));
    assert_eq!(pace, before);
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up() {
    let mut pace = after_changes(5);
    let now = t0() - secs(3600);
    assert_eq!(pace.rests_until(9, now), None);
    pace.attempted(9, now);
    assert_eq!(pace.rests_until(10, now), None, "counted anew");
}

#[test]
fn what_is_done_in_spite_of_it_holds_up_the_next_by_one_rest() {
    let mut pace = after_changes(5);
    for second in 0..100 {
        pace.spend(t0() + secs(second));
    }
    assert_eq!(pace.is_spent_until(t0() + secs(100)), Some(t0() + secs(99 + 30)));
    assert_eq!(pace.is_spent_until(t0() + secs(99 + 30)), None);
}
