//! What do requests and answers look like on the wire? Shared with the emulator; decides nothing.
//!
//! The service writes most numbers as strings and lists now as arrays, now as bracketed text. What is read here
//! takes either, ignores what it does not know, and lets a field of the wrong type count as missing.
//! No type here that holds a secret can be printed.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

/// Path of the access token and exchange calls, below the base.
pub const ACCESS_TOKEN_PATH: &str = "/accesstoken";
/// Path of the service token call, below the base.
pub const SERVICE_TOKEN_PATH: &str = "/servicetoken";
/// Grant type of an access token of a whole app.
pub const CLIENT_CREDENTIALS: &str = "client_credentials";
/// Grant type of an exchange.
pub const AUTHORIZATION_CODE: &str = "authorization_code";
/// The only token type.
pub const TOKEN_TYPE: &str = "BearerToken";
/// Names that no claim may have: the request's own fields.
pub const RESERVED_CLAIMS: [&str; 2] = ["purpose", "expirationTime"];

/// Body of the access token and exchange calls.
#[derive(Serialize)]
pub struct TokenRequest<'a> {
    /// One of the two grant types.
    pub grant_type: &'a str,
    /// The app's key.
    pub client_id: &'a str,
    /// The app's secret.
    pub client_secret: &'a str,
    /// The service token, in an exchange.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
}

/// Body of the service token call.
#[derive(Serialize)]
pub struct ServiceTokenRequest<'a> {
    /// The purpose.
    pub purpose: &'a str,
    /// When the token shall end, epoch seconds of the service's clock.
    #[serde(rename = "expirationTime")]
    pub expiration_time: i64,
    /// The claims, next to the two.
    #[serde(flatten)]
    pub claims: &'a BTreeMap<String, String>,
}

/// Answer of the access token and exchange calls.
#[derive(Deserialize)]
pub struct TokenAnswer {
    /// The token.
    #[serde(default, deserialize_with = "hidden")]
    pub access_token: Hidden,
    /// Seconds.
    #[serde(default, deserialize_with = "whole")]
    pub expires_in: Whole,
    /// Epoch milliseconds.
    #[serde(default, deserialize_with = "whole")]
    pub issued_at: Whole,
    /// The app's name.
    #[serde(default, deserialize_with = "text")]
    pub application_name: Option<String>,
    /// The organisation.
    #[serde(default, deserialize_with = "text")]
    pub organization_name: Option<String>,
    /// Products: a bracketed string, or an array.
    #[serde(default)]
    pub api_product_list: Value,
    /// Products: an array.
    #[serde(default)]
    pub api_product_list_json: Value,
}

/// Answer of the service token call.
#[derive(Deserialize)]
pub struct ServiceTokenAnswer {
    /// The token.
    #[serde(default, deserialize_with = "hidden")]
    pub token: Hidden,
    /// Epoch seconds.
    #[serde(default, rename = "expirationTime", deserialize_with = "whole")]
    pub expiration_time: Whole,
}

/// A text that is wiped when dropped; `None` where the field held no text. Not `Debug`, on purpose.
pub type Hidden = Option<Zeroizing<String>>;

/// A whole number, where the field held one, as a number or as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Whole(pub Option<i64>);

impl TokenAnswer {
    /// The products, from whichever field has them.
    #[must_use]
    pub fn products(&self) -> Vec<&str> {
        let products: Vec<&str> = names(&self.api_product_list_json);
        if products.is_empty() { names(&self.api_product_list) } else { products }
    }
}

impl Whole {
    /// The whole number that `value` is or spells; a fraction is cut off.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let number = match value {
            Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(cut)),
            Value::String(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| text.parse().ok().and_then(cut))
            }
            _ => None,
        };
        Self(number)
    }
}

/// Serialises a request's body, leaving no copy behind that is not wiped: counted first, so that it never moves.
#[must_use]
pub fn body(request: &impl Serialize) -> Zeroizing<Vec<u8>> {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    let counted = serde_json::to_writer(&mut count, request);
    let mut body = Zeroizing::new(Vec::with_capacity(count.0));
    let written = serde_json::to_writer(&mut *body, request);
    debug_assert!(counted.is_ok() && written.is_ok(), "maps of text always serialise");
    body
}

/// A date as HTTP writes it.
#[must_use]
pub fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// Reads a [`Whole`].
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
    Value::deserialize(deserializer).map(|value| Whole::of(&value))
}

/// Reads a text, or `None` where there is something else.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// Reads a [`Hidden`].
fn hidden<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hidden, D::Error> {
    deserializer.deserialize_any(HiddenVisitor)
}

struct HiddenVisitor;

impl<'de> Visitor<'de> for HiddenVisitor {
    type Value = Hidden;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a token")
    }
    fn visit_str<E>(self, text: &str) -> Result<Hidden, E> {
        Ok(Some(Zeroizing::new(text.to_owned())))
    }
    fn visit_string<E>(self, text: String) -> Result<Hidden, E> {
        Ok(Some(Zeroizing::new(text)))
    }
    fn visit_unit<E>(self) -> Result<Hidden, E> {
        Ok(None)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Hidden, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Hidden, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Hidden, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Hidden, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Hidden, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hidden, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

fn names(list: &Value) -> Vec<&str> {
    match list {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => {
            let text = text.trim().trim_start_matches('[').trim_end_matches(']');
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
        }
        _ => Vec::new(),
    }
}

fn cut(number: f64) -> Option<i64> {
    /// Beyond it a double no longer tells whole numbers apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "bounded in the line before")]
    (number.abs() <= EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests;
