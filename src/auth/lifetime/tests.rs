//! Lifetimes, table by table, with what a broken or hostile service could say.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{of_access_token, of_service_token};
use crate::auth::Term;
use crate::auth::jwt::Times;

const NOW: i64 = 1_800_000_000;
const YEAR: i64 = 366 * 86_400;

fn jwt(issued: Option<i64>, expires: Option<i64>, service_expires: Option<i64>) -> Times {
    Times { expires, issued, service_expires }
}

fn lives(life: i64) -> Times {
    jwt(Some(NOW), Some(NOW + life), None)
}

#[test]
fn an_access_token_lives_for_the_shortest_that_is_said() {
    let rows = [
        // expires_in, JWT, what is believed
        (Some(36_000), Times::default(), Some(36_000)),
        (Some(35_999), lives(36_000), Some(35_999)),
        (Some(36_000), lives(600), Some(600)),
        (None, lives(600), Some(600)),
        (Some(36_000), jwt(Some(NOW), Some(NOW + 36_000), Some(NOW + 90)), Some(90)),
        (None, jwt(Some(NOW), None, Some(NOW + 90)), Some(90)),
        // Nothing to subtract from: `exp` alone says nothing.
        (None, jwt(None, Some(NOW + 600), None), None),
        (Some(500), jwt(None, Some(NOW + 600), None), Some(500)),
        (None, Times::default(), None),
        // Too short.
        (Some(30), Times::default(), Some(30)),
        (Some(29), Times::default(), None),
        (Some(29), lives(36_000), None),
        (Some(36_000), lives(29), None),
        // No statement at all.
        (Some(0), lives(600), Some(600)),
        (Some(-5), lives(600), Some(600)),
        (Some(0), Times::default(), None),
        (Some(-1), Times::default(), None),
        (Some(i64::MIN), Times::default(), None),
        (Some(i64::MAX), Times::default(), None),
        (Some(1_000_000_000_000_000_000), lives(600), Some(600)),
        (Some(500), jwt(Some(i64::MIN), Some(i64::MAX), None), Some(500)),
        (Some(500), jwt(Some(i64::MAX), Some(i64::MIN), None), Some(500)),
        (Some(500), jwt(Some(0), Some(i64::MAX), None), Some(500)),
        // For longer than a year a token is not believed to live, or its record would be called made up.
        (Some(YEAR), Times::default(), Some(YEAR)),
        (Some(YEAR + 1), Times::default(), Some(YEAR)),
        (Some(9 * YEAR), lives(8 * YEAR), Some(YEAR)),
        // Over already.
        (Some(36_000), jwt(Some(NOW - 36_000), Some(NOW), None), None),
        (Some(36_000), jwt(Some(NOW), Some(NOW + 600), Some(NOW - 1)), None),
        (Some(36_000), jwt(Some(NOW + 5), Some(5), None), None),
    ];
    for (expires_in, jwt, believed) in rows {
        let lifetime = of_access_token(expires_in, jwt, Some(NOW)).map(|life| life.as_secs());
        assert_eq!(lifetime, believed, "{expires_in:?} {jwt:?}");
    }
}

#[test]
fn the_two_clocks_are_never_compared() {
    // The service lives an hour in the past, and its answer has no date.
    let lifetime = of_access_token(Some(36_000), jwt(Some(5), Some(36_005), None), None);
    assert_eq!(lifetime.map(|life| life.as_secs()), Some(36_000));
    let lifetime = of_access_token(Some(36_000), jwt(Some(5), Some(5), None), None);
    assert_eq!(lifetime, None);
}

/// What was asked for at `NOW` by both clocks.
fn asked(life: i64) -> Term {
    until(NOW + life, life)
}

fn until(until: i64, life: i64) -> Term {
    Term { life: SignedDuration::from_secs(life), until }
}

#[test]
fn a_service_token_lives_for_the_shortest_of_asked_answered_and_its_own() {
    let rows = [
        (asked(3600), Some(NOW + 3600), lives(3600), Some(3600)),
        (asked(3600), Some(NOW + 1800), lives(3600), Some(1800)),
        (asked(3600), Some(NOW + 3600), lives(600), Some(600)),
        (asked(3600), Some(NOW + 9999), lives(9999), Some(3600)),
        (asked(3600), None, Times::default(), Some(3600)),
        (asked(3600), Some(0), Times::default(), Some(3600)),
        (asked(3600), Some(i64::MIN), Times::default(), Some(3600)),
        (asked(3600), Some(i64::MAX), Times::default(), Some(3600)),
        (asked(29), Some(NOW + 3600), lives(3600), None),
        (asked(-5), Some(NOW - 5), Times::default(), None),
        (until(i64::MIN, i64::MIN), None, Times::default(), None),
        (asked(3600), None, jwt(Some(NOW - 7200), Some(NOW - 3600), None), None),
    ];
    for (asked, answered, jwt, believed) in rows {
        let lifetime = of_service_token(asked, answered, jwt, NOW).map(|life| life.as_secs());
        assert_eq!(lifetime, believed, "{asked:?} {answered:?} {jwt:?}");
    }
}

/// The service says that it is years ago, or that what was asked for is over: the first makes no token live longer, the
/// second leaves none to believe in.
#[test]
fn what_was_asked_for_bounds_a_service_token_whatever_time_the_service_says_it_is() {
    let years = |n: i64| n * 365 * 86_400;
    let rows = [
        (NOW - years(3), lives(years(9)), Some(3600)),
        (NOW - years(50), lives(years(9)), Some(3600)),
        (i64::MIN, lives(years(9)), Some(3600)),
        (NOW - years(3), Times::default(), Some(3600)),
        (NOW + 3571, Times::default(), None),
        (NOW + 3600, Times::default(), None),
        (NOW + years(3), lives(years(9)), None),
        (i64::MAX, Times::default(), None),
    ];
    for (service_now, jwt, believed) in rows {
        let answered = Some(NOW + years(9));
        let lifetime = of_service_token(asked(3600), answered, jwt, service_now).map(|life| life.as_secs());
        assert_eq!(lifetime, believed, "{service_now} {jwt:?}");
    }
}

proptest! {
    #[test]
    fn no_statement_brings_a_lifetime_out_of_bounds(
        said in any::<[i64; 2]>(),
        times in any::<[Option<i64>; 3]>(),
        now in any::<Option<i64>>(),
        life in prop_oneof![any::<i64>(), 0_i64..100_000],
    ) {
        let jwt = jwt(times[0], times[1], times[2]);
        let access = of_access_token(Some(said[0]), jwt, now);
        let asked = until(said[0], life);
        let service = of_service_token(asked, Some(said[1]), jwt, now.unwrap_or_default());
        for lifetime in [access, service].into_iter().flatten() {
            prop_assert!((30..=10 * 366 * 24 * 3600).contains(&lifetime.as_secs()));
        }
        prop_assert!(service.is_none_or(|service| service <= asked.life));
    }
}
