//! How is a [`Record`] written in annotations? Times keep their sub-second part: the renewal window hashes the text.

use sha2::{Digest as _, Sha256};

use super::super::metadata::{Metadata, instant};
use super::content::hex;
use crate::api::names;
use crate::decision::{InputsHash, Record};

/// Longest text of an annotation that is kept as it is.
const LONGEST_KEPT: usize = 128;

/// The annotations of a record, without `content-hash`.
pub(super) fn annotations(record: &Record) -> Vec<(&'static str, String)> {
    let mut all = vec![
        (names::ISSUED_AT, record.issued_at.to_string()),
        (names::EXPIRES_AT, record.expires_at.to_string()),
        (names::INPUTS_HASH, inputs_text(&record.inputs)),
    ];
    if let Some(handled) = &record.renew_handled {
        all.push((names::RENEW_REQUEST_HANDLED, handled.to_string()));
    }
    all
}

/// The record of an object; `None` where a part is missing or cannot be read.
pub(super) fn read(metadata: &Metadata) -> Option<Record> {
    Some(Record {
        issued_at: instant(metadata.annotation(names::ISSUED_AT)?)?,
        expires_at: instant(metadata.annotation(names::EXPIRES_AT)?)?,
        inputs: parse_inputs(metadata.annotation(names::INPUTS_HASH)?)?,
        renew_handled: metadata.annotation(names::RENEW_REQUEST_HANDLED).map(kept),
    })
}

/// The text of `inputs-hash`.
pub(super) fn inputs_text(inputs: &InputsHash) -> String {
    match inputs {
        InputsHash::V1 { made_for, made_with } => format!("v1:{}.{}", hex(made_for), hex(made_with)),
        InputsHash::Other(text) => text.to_string(),
    }
}

/// Reads `inputs-hash`. A version that is not ours is [`InputsHash::Other`]; what has no version is no hash at all.
pub(super) fn parse_inputs(text: &str) -> Option<InputsHash> {
    let (version, parts) = text.split_once(':')?;
    if version == "v1" {
        let (made_for, made_with) = parts.split_once('.')?;
        return Some(InputsHash::V1 { made_for: unhex(made_for)?, made_with: unhex(made_with)? });
    }
    let number = version.strip_prefix('v')?;
    let is_version = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (is_version && text.len() <= LONGEST_KEPT).then(|| InputsHash::Other(text.into()))
}

/// What is kept of a renew request: all of it, or of one that is longer than any instant or name its digest, which stands for it
/// wherever it is compared, recorded and told. An annotation may hold 256 KiB, and memory is everybody's.
pub(in super::super) fn kept(text: &str) -> Box<str> {
    if text.len() <= LONGEST_KEPT {
        return text.into();
    }
    format!("sha256:{}", hex(&Sha256::digest(text.as_bytes()))).into()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}
