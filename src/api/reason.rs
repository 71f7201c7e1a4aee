//! Why is an object as it is? The closed list of reasons: conditions, events, metrics and logs use no other.

/// Writes the enum, its texts and its documentation from one list, so that a new reason is one edit.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident => $text:literal,)+) => {
        /// Every reason a user can see, with what it means and what to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Reason {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The reason as conditions, events, metric labels and logs write it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// What it means, for the reference.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii_start(),)+
                }
            }
        }
    };
}

reasons! {
    /// The operator has not looked at this object yet. Still so after a minute: is the operator running, and does it watch this namespace?
    Pending => "Pending",
    /// A token was issued for this spec and is valid.
    Issued => "Issued",
    /// The client Secret of a Frontend app is complete and was not refused. Such an app holds no token of its own.
    Available => "Available",
    /// The service took the key and secret as they are now (`CredentialsValid` only).
    Accepted => "Accepted",
    /// `spec.suspend` is set: nothing is issued until it is unset. A token that is there lives out.
    Suspended => "Suspended",
    /// The Secret that `clientSecretRef` names is not there. Create it; the operator notices.
    ClientSecretNotFound => "ClientSecretNotFound",
    /// The client Secret lacks one of its two keys, or a value is empty or holds control characters. Correct it; the operator notices.
    ClientSecretIncomplete => "ClientSecretIncomplete",
    /// The service refused the key and secret. Correct the client Secret; a token that is there lives out.
    InvalidClient => "InvalidClient",
    /// The credential cannot serve the request now: it has no usable token, or its key and secret were refused. Its own status says why; the request goes on by itself.
    CredentialNotReady => "CredentialNotReady",
    /// No such credential, or it does not allow this namespace: the two look alike on purpose.
    CredentialNotFound => "CredentialNotFound",
    /// The credential does not list this purpose in `allowedPurposes`.
    PurposeNotAllowed => "PurposeNotAllowed",
    /// A service token is to be delivered that lives longer than the credential's `maxServiceTokenTTL`.
    ServiceTokenTtlNotAllowed => "ServiceTokenTTLNotAllowed",
    /// The operator was not started with this endpoint's origin (`--allow-endpoint`).
    EndpointNotAllowed => "EndpointNotAllowed",
    /// The service refused what the request asks for: an unknown purpose, or a claim that is missing or not valid for it.
    RequestRejected => "RequestRejected",
    /// The app may not do this at Rocket Lawyer: its roles or products do not allow it.
    AccessDenied => "AccessDenied",
    /// The service asks for fewer calls. The operator waits and goes on.
    Throttled => "Throttled",
    /// The app's quota at the service is used up. The operator waits and goes on.
    QuotaExhausted => "QuotaExhausted",
    /// The service cannot be reached, or says that it is not able to answer. The operator tries again.
    ServiceUnavailable => "ServiceUnavailable",
    /// The service answered with something that is not an answer of this service. The operator tries again.
    UnexpectedResponse => "UnexpectedResponse",
    /// The service issued a token whose lifetime is unknown or too short to be of use.
    UnusableToken => "UnusableToken",
    /// A Secret of this name is not the operator's. It is never touched: delete it, or choose another name in a new object.
    SecretNotOwned => "SecretNotOwned",
    /// The cluster refuses to have the managed Secret written: a quota, an admission policy, or `immutable: true`.
    SecretWriteRefused => "SecretWriteRefused",
    /// Somebody deletes or overwrites the managed Secret again and again. It is put back at the time that the message names, or at once when somebody renews by hand: find out who does it.
    SecretContested => "SecretContested",
    /// The operator lacks a right in the cluster. The message names it and the manifest that grants it.
    ClusterAccessDenied => "ClusterAccessDenied",
    /// The object cannot be acted on as it is written. The message says what to write instead.
    InvalidSpec => "InvalidSpec",
    /// `renewUntil` has passed. The token that is there lives out and is not renewed.
    RenewalEnded => "RenewalEnded",
    /// `renewUntil` has passed and so has the token's life. This request is finished.
    Expired => "Expired",
    /// What failed works again (events only).
    Recovered => "Recovered",
    /// The managed Secret was deleted or edited by somebody and has been put back (events only).
    SecretRestored => "SecretRestored",
}

impl Reason {
    /// The reason that a condition written by this or another version carries; `None` where this version does not know it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == text)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
