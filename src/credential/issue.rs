//! How is a credential's token issued? One call: the access token by client credentials.

use std::sync::Arc;

use crate::auth::{AuthClient, Endpoint, Fault, Issued, Login};
use crate::state::HeldToken;
use crate::token::AccessToken;

/// All that the call needs.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Where.
    pub endpoint: Endpoint,
    /// As whom.
    pub login: Arc<Login>,
}

/// How many calls at once this needs of the gate.
pub const PERMITS: u32 = 1;

/// Issues the access token.
pub async fn issue(client: &AuthClient, errand: &Errand) -> Result<Issued<AccessToken>, Fault> {
    client.access_token(&errand.endpoint, &errand.login).await
}

/// The issued token as one that is held: shared by the credential's requests.
#[must_use]
pub fn held(issued: Issued<AccessToken>) -> Issued<HeldToken> {
    issued.map(|token| HeldToken::Access(Arc::new(token)))
}
