//! How long does a token live? The shortest of what the service says, counted by the service's own clock. Pure.

use jiff::SignedDuration;

use super::Term;
use super::jwt::Times;
use crate::decision::schedule::LONGEST_LIFE;

/// A token that lives for less is of no use (behaviour §9).
const SHORTEST: i64 = 30;
/// A statement beyond ten years is no statement.
const LONGEST: i64 = 10 * 366 * 24 * 3600;

/// Of an access token, whole or scoped. `service_now` is the service's clock at its answer, epoch seconds, where the
/// answer tells. `None` where the token is of no use: under 30 seconds, over already, or nothing can be told.
pub(super) fn of_access_token(
    expires_in: Option<i64>,
    jwt: Times,
    service_now: Option<i64>,
) -> Option<SignedDuration> {
    if is_over(jwt, service_now) {
        return None;
    }
    let since_issued = |end: Option<i64>| end?.checked_sub(jwt.issued?);
    shortest([expires_in, since_issued(jwt.expires), since_issued(jwt.service_expires)])
}

/// Of a service token for which `asked` was asked and `answered` was answered, as `service_now`: epoch seconds. Whatever
/// time the service says it is, no token lives for longer than it was asked to from here.
pub(super) fn of_service_token(
    asked: Term,
    answered: Option<i64>,
    jwt: Times,
    service_now: i64,
) -> Option<SignedDuration> {
    if is_over(jwt, Some(service_now)) || asked.until <= service_now || asked.life.as_secs() < SHORTEST {
        return None;
    }
    let since_issued = |end: Option<i64>| end?.checked_sub(jwt.issued?);
    let from_now = |end: i64| end.checked_sub(service_now);
    shortest([
        Some(asked.life.as_secs()),
        from_now(asked.until),
        answered.and_then(from_now),
        since_issued(jwt.expires),
        since_issued(jwt.service_expires),
    ])
}

fn is_over(jwt: Times, service_now: Option<i64>) -> bool {
    let now = service_now.or(jwt.issued);
    let ends = [jwt.expires, jwt.service_expires];
    now.is_some_and(|now| ends.into_iter().flatten().any(|end| end > 0 && end <= now))
}

fn shortest<const N: usize>(statements: [Option<i64>; N]) -> Option<SignedDuration> {
    let said = statements.into_iter().flatten().filter(|seconds| (1..=LONGEST).contains(seconds));
    let life = said.min().filter(|seconds| *seconds >= SHORTEST).map(SignedDuration::from_secs)?;
    // Or its record would be taken for one that was made up, and the token for dead.
    Some(life.min(LONGEST_LIFE))
}

#[cfg(test)]
mod tests;
