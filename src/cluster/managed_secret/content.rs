//! Are the data of a managed Secret as they were written? `content-hash`: over every data key and the rest of the record.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::api::names;

/// The annotations of the record that the hash covers: all but the hash itself.
const COVERED: [&str; 4] =
    [names::EXPIRES_AT, names::INPUTS_HASH, names::ISSUED_AT, names::RENEW_REQUEST_HANDLED];

/// The text of `content-hash`. `data` must come sorted by key; `annotation` looks up by name.
/// Every part is preceded by its length, so that no two contents share their bytes.
pub(super) fn hash<'a>(
    data: impl ExactSizeIterator<Item = (&'a str, &'a [u8])>,
    annotation: impl Fn(&str) -> Option<&'a str>,
) -> String {
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(&(data.len() as u64).to_be_bytes());
    for (key, value) in data {
        part(key.as_bytes());
        part(value);
    }
    for name in COVERED {
        match annotation(name) {
            Some(text) => {
                part(b"+");
                part(text.as_bytes());
            }
            None => part(b"-"),
        }
    }
    hex(&hasher.finalize())
}

/// The first 64 bits of a hash, as it stands in the annotation.
pub(super) fn seal(text: &str) -> Option<u64> {
    u64::from_str_radix(text.get(..16)?, 16).ok()
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
