//! What is an answer worth, whatever brought it? The way in for fuzzing, which has no wire; sends nothing.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{Received, Reply};
use crate::auth::{Call, Fault, Issued, Term};
use crate::token::{AccessToken, ServiceToken};

/// An answer as it would have come.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Date`.
    pub date: Option<Timestamp>,
    /// The header `Retry-After`.
    pub retry_after: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
    /// The local clock when it came.
    pub at: Timestamp,
}

impl Answered<'_> {
    /// To a call for an access token of a whole app.
    pub fn access_token(&self) -> Result<Issued<AccessToken>, Fault> {
        let answer = self.reply().parsed(Call::AccessToken, self.at)?;
        let leaks = |token: &AccessToken, text: &str| token.is_within(text);
        self.received(answer).access_token(Call::AccessToken, AccessToken::read, leaks)
    }

    /// To a call for a service token that lives for `term`.
    pub fn service_token(&self, term: Term) -> Result<Issued<ServiceToken>, Fault> {
        let answer = self.reply().parsed(Call::ServiceToken, self.at)?;
        self.received(answer).service_token(term)
    }

    fn reply(&self) -> Reply {
        Reply {
            status: self.status,
            retry_after: self.retry_after.map(str::to_owned),
            date: self.date,
            body: Ok(Zeroizing::new(self.body.to_vec())),
        }
    }

    fn received<T>(&self, answer: T) -> Received<T> {
        Received { answer, asked_at: self.at, halfway: self.at, date: self.date, status: self.status }
    }
}
