//! The types that hold a secret, and their two ways out. Nothing else may see inside them.
//!
//! The ways out are named after where they lead: `for_request` into a request to the authentication service,
//! [`Deliverable::for_managed_secret`] into a managed Secret. No type here prints, serialises, compares or
//! clones what it holds (share with `Arc`), and each wipes it when dropped.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;

/// The secret of a developer app.
pub struct ClientSecret(SecretString);

/// An access token of a whole app: the result of a client credentials grant.
pub struct AccessToken(SecretString);

/// A service token: names one interview or party, and is exchanged or delivered as it is.
pub struct ServiceToken(SecretString);

/// A scoped access token: what a service token was exchanged for.
pub struct ScopedToken(SecretString);

/// A token that a managed Secret can hold.
pub trait Deliverable: fmt::Debug + Send + Sync + sealed::Sealed {
    /// The way out into a managed Secret's data.
    fn for_managed_secret(&self) -> &str;
}

mod sealed {
    /// No type of another module can say that it is deliverable.
    pub trait Sealed {}
}

/// Longest token that is taken: the size limit of an answer's body.
const LONGEST: usize = 64 * 1024;

impl ClientSecret {
    /// The client secret in the data of a Secret. One trailing newline is an editor's and is left out.
    /// `None` where it is empty, not UTF-8, or has control characters.
    #[must_use]
    pub fn read(data: &[u8]) -> Option<Self> {
        let data = data.strip_suffix(b"\n").unwrap_or(data);
        let data = data.strip_suffix(b"\r").unwrap_or(data);
        let text = std::str::from_utf8(data).ok()?;
        let fits = !text.is_empty() && text.len() <= LONGEST && !text.contains(char::is_control);
        fits.then(|| Self(SecretString::from(text)))
    }

    /// The way out into a request's body.
    #[must_use]
    pub fn for_request(&self) -> &str {
        reveal(&self.0)
    }

    /// The first half of HMAC-SHA256 over `message`, keyed by this secret: tells whether two things were made with
    /// the same secret, and is no oracle for it.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 16] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(reveal(&self.0).as_bytes()) else {
            unreachable!("HMAC takes a key of any length");
        };
        mac.update(message);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        half
    }

    /// Whether `text` contains this secret: such a text must not be shown.
    #[must_use]
    pub fn is_within(&self, text: &str) -> bool {
        text.contains(reveal(&self.0))
    }
}

macro_rules! token {
    ($name:ident) => {
        impl $name {
            /// Takes `text` as a token. `None` where it could not be sent in a header: empty, beyond 64 KiB, or with
            /// anything but visible ASCII.
            #[must_use]
            pub fn read(text: &str) -> Option<Self> {
                let fits =
                    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic());
                fits.then(|| Self(SecretString::from(text)))
            }

            /// Whether `text` contains this token: such a text must not be shown.
            #[must_use]
            pub fn is_within(&self, text: &str) -> bool {
                text.contains(reveal(&self.0))
            }
        }

        impl sealed::Sealed for $name {}

        impl Deliverable for $name {
            fn for_managed_secret(&self) -> &str {
                reveal(&self.0)
            }
        }
    };
}

token!(AccessToken);
token!(ServiceToken);
token!(ScopedToken);

impl AccessToken {
    /// The way out into a request's header.
    #[must_use]
    pub fn for_request(&self) -> &str {
        reveal(&self.0)
    }
}

impl ServiceToken {
    /// The way out into a request's body.
    #[must_use]
    pub fn for_request(&self) -> &str {
        reveal(&self.0)
    }
}

macro_rules! say_only_the_type {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }
    )*};
}

say_only_the_type!(ClientSecret, AccessToken, ServiceToken, ScopedToken);

#[expect(clippy::disallowed_methods, reason = "the one place behind the ways out")]
fn reveal(secret: &SecretString) -> &str {
    use secrecy::ExposeSecret as _;
    secret.expose_secret()
}

#[cfg(test)]
mod tests;
