//! What is known of a credential's dealings with the service? Login, generation of the access token, what was refused, who
//! waits. In memory only, and written by outcomes alone: the credential's own, and what its requests met with its token or
//! login (behaviour §3.2, §3.4).

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::waiting::Waiting;
use crate::api::Reason;
use crate::auth::Login;
use crate::decision::{Key, LoginFact, LoginGap, ResourceVersion, Validity};

/// The session of one credential.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its client Secret.
    pub login: LoginState,
    /// The resourceVersion that the client Secret was read at.
    pub login_version: Option<ResourceVersion>,
    /// Whether it was known before, since the process began: what it holds, or that it is not there.
    pub login_was_known: bool,
    /// Counts the access tokens that were held: a refusal names the one it was about.
    pub generation: u64,
    /// The issue time of the access token that the service refused.
    pub refused: Option<Timestamp>,
    /// That token had been issued because another was refused, and was never accepted.
    pub unproven: bool,
    /// What the service last said of key and secret.
    pub validity: Validity,
    /// How far the service's clock is ahead.
    pub clock_ahead: Option<SignedDuration>,
    /// What requests may count on.
    pub offers: Offers,
    /// The requests that wait for this credential.
    pub waiting: Waiting,
    /// The one request that finds out whether what was refused is refused still. Should its calls hang, the others wait for as long
    /// as those may take, 15 s each: what they would ask for is known to have been refused.
    pub probe: Option<Key>,
    /// Which one that was before.
    pub probed_last: Option<Key>,
    /// Requests that were answered in nobody's words since one was served. Some of them: enough to tell.
    pub puzzled: BTreeSet<Key>,
}

/// So many different requests, and what they met is not any one's own.
const SEVERAL: usize = 10;

/// A client Secret in memory.
#[derive(Clone, Debug)]
pub enum LoginState {
    /// Not read since it changed.
    Unread,
    /// Not there.
    Absent,
    /// Lacks something.
    Incomplete(LoginGap),
    /// Key and secret.
    Ready {
        /// They.
        login: Arc<Login>,
        /// What a token is made with, as `inputs-hash` says it: worked out once, and asked for by every decision.
        made_with: [u8; 16],
    },
}

/// What requests may count on. Said before every decision about the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offers {
    /// The access token.
    pub access: Offer,
    /// The login, for an exchange.
    pub login: Offer,
    /// Requests met a refusal of the credential when they used the access token: only its probe uses it.
    pub access_parked: Option<Reason>,
    /// The same of the login, when they exchanged with it.
    pub login_parked: Option<Reason>,
}

/// Whether one of the two can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The credential is at work; a moment's patience.
    Working,
    /// Nothing to be had, because.
    NotReady(Reason),
    /// Here it is.
    Live {
        /// The generation of the access token.
        generation: u64,
        /// When it ends; of a login, never.
        expires_at: Option<Timestamp>,
    },
}

impl Session {
    /// A session that knows nothing yet.
    #[must_use]
    pub fn new(validity: Validity) -> Self {
        Self {
            login: LoginState::Unread,
            login_version: None,
            login_was_known: false,
            generation: 0,
            refused: None,
            unproven: false,
            validity,
            clock_ahead: None,
            offers: Offers {
                access: Offer::Working,
                login: Offer::Working,
                access_parked: None,
                login_parked: None,
            },
            waiting: Waiting::default(),
            probe: None,
            probed_last: None,
            puzzled: BTreeSet::new(),
        }
    }

    /// Whether requests met a refusal, and none of them is trying again.
    #[must_use]
    pub fn is_untried(&self) -> bool {
        let Offers { access_parked, login_parked, .. } = self.offers;
        self.probe.is_none() && (access_parked.is_some() || login_parked.is_some())
    }

    /// A request was answered in nobody's words. Returns whether so many were, since one was served, that it is not the
    /// request.
    pub fn puzzle(&mut self, request: &Key) -> bool {
        if self.puzzled.len() < SEVERAL {
            self.puzzled.insert(request.clone());
        }
        self.puzzled.len() >= SEVERAL
    }

    /// What decisions know of the login.
    #[must_use]
    pub fn login_fact(&self) -> LoginFact {
        match &self.login {
            LoginState::Unread => LoginFact::Unread,
            LoginState::Absent => LoginFact::Absent,
            LoginState::Incomplete(gap) => LoginFact::Incomplete(*gap),
            LoginState::Ready { .. } => LoginFact::Ready,
        }
    }

    /// The login, where it is in memory.
    #[must_use]
    pub fn login(&self) -> Option<&Arc<Login>> {
        match &self.login {
            LoginState::Ready { login, .. } => Some(login),
            _ => None,
        }
    }

    /// What a token issued now would be made with; unknown until the client Secret was read.
    #[must_use]
    pub fn made_with(&self) -> Option<[u8; 16]> {
        match &self.login {
            LoginState::Ready { made_with, .. } => Some(*made_with),
            _ => None,
        }
    }

    /// A request came back with a refusal of the access token of `generation`, issued at `issued_at`. Returns whether
    /// that is news: a refusal of a superseded generation only means that the request tries again.
    pub fn refuse(&mut self, generation: u64, issued_at: Timestamp) -> bool {
        let news = generation == self.generation && self.refused != Some(issued_at);
        if news {
            self.refused = Some(issued_at);
        }
        news
    }
}
