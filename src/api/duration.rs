//! How long is `1h30m`? The durations that admission lets through, read without panicking.

use jiff::SignedDuration;

/// Most digits a number may have, by unit: enough for 8760h in each, too few to overflow.
const MOST_DIGITS: [(u8, usize, i64); 3] = [(b'h', 4, 3600), (b'm', 6, 60), (b's', 8, 1)];
/// Most numbers in one duration.
const MOST_PARTS: usize = 3;

/// Reads a duration in Go's syntax, limited to whole hours, minutes and seconds: `90s`, `3h`, `1h30m`.
/// `None` for anything that admission refuses as a duration; its bounds are the caller's.
#[must_use]
pub fn parse(text: &str) -> Option<SignedDuration> {
    let mut seconds: i64 = 0;
    let mut rest = text;
    for _ in 0..MOST_PARTS {
        if rest.is_empty() {
            break;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(end);
        let unit = *after.as_bytes().first()?;
        let (_, digits, factor) = MOST_DIGITS.into_iter().find(|(letter, ..)| *letter == unit)?;
        if number.is_empty() || number.len() > digits {
            return None;
        }
        seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(factor)?)?;
        rest = after.get(1..)?;
    }
    (rest.is_empty() && !text.is_empty()).then(|| SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
