//! How is a request's token issued? Two calls: a service token with the shared access token, then its exchange, unless the
//! service token itself is delivered. The service token is made for that one exchange and never stored (behaviour §3.3).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::auth::{AuthClient, Call, Endpoint, Fault, Issued, Login, Subject, Term};
use crate::decision::Key;
use crate::state::HeldToken;
use crate::token::AccessToken;

/// One of the credentials that a request depends on, as it was when the calls were decided: what they meet is said of this
/// one, and of no successor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Which credential.
    pub key: Key,
    /// Its uid.
    pub uid: Arc<str>,
}

/// All that the calls need.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Whose access token is shared.
    pub credential: Party,
    /// Where.
    pub endpoint: Endpoint,
    /// The shared access token.
    pub access: Arc<AccessToken>,
    /// Its generation, which a refusal names.
    pub generation: u64,
    /// When it was issued.
    pub access_issued_at: Timestamp,
    /// Who exchanges, and with what; `None` where the service token is delivered.
    pub exchanger: Option<(Party, Arc<Login>)>,
    /// Purpose and claims.
    pub subject: Subject,
    /// How long the service token is asked to live.
    pub ttl: SignedDuration,
    /// How far the service's clock is ahead: the expiration is asked for in its time.
    pub clock_ahead: SignedDuration,
}

impl Errand {
    /// The expiration to ask for, in the service's time, as epoch seconds.
    #[must_use]
    pub fn expiration(&self, now: Timestamp) -> i64 {
        now.as_second().saturating_add(self.clock_ahead.as_secs()).saturating_add(self.ttl.as_secs())
    }
}

/// How many calls at once this needs of the gate: an exchange takes its two together.
#[must_use]
pub fn permits(errand: &Errand) -> u32 {
    1 + u32::from(errand.exchanger.is_some())
}

/// Issues the token that is to be delivered. `answered` is told of each call when it has ended, well or not.
pub async fn issue(
    client: &AuthClient,
    errand: &Errand,
    now: Timestamp,
    mut answered: impl FnMut(Call),
) -> Result<Issued<HeldToken>, (Call, Fault)> {
    let term = Term { life: errand.ttl, until: errand.expiration(now) };
    let service = client.service_token(&errand.endpoint, &errand.access, &errand.subject, term).await;
    answered(Call::ServiceToken);
    let service = service.map_err(|fault| (Call::ServiceToken, fault))?;
    let Some((_, login)) = &errand.exchanger else {
        return Ok(service.map(|token| HeldToken::Service(Arc::new(token))));
    };
    let scoped = client.exchange(&errand.endpoint, login, &service.token).await;
    answered(Call::Exchange);
    let mut scoped = scoped.map_err(|fault| (Call::Exchange, fault))?;
    // A scoped token may end with the service token it came from: the earlier of the two is believed (behaviour §2.1).
    scoped.expires_at = scoped.expires_at.min(service.expires_at);
    Ok(scoped.map(|token| HeldToken::Scoped(Arc::new(token))))
}
