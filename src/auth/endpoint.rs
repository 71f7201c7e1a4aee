//! Where may a login be sent? Checks a base URL and a CA bundle once; sends nothing.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use reqwest::Url;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// A checked place of the authentication service. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    base: Arc<str>,
    origin: Origin,
    ca_bundle: Option<CaBundle>,
}

/// Scheme, host and port, written out and in lower case: `https://api.rocketlawyer.com:443`. Parses from a URL
/// without path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Arc<str>);

/// Certificates that are trusted besides the platform's: what stood around them is not kept. Checked: at least one, and each
/// can be read.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CaBundle(Arc<[CertificateDer<'static>]>);

/// Why a base URL, an origin or a CA bundle is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// It cannot be read as an absolute URL with a host.
    #[error("is not an absolute URL")]
    NotAUrl,
    /// Neither https nor http.
    #[error("must begin with https://")]
    Scheme,
    /// It has a user, a password, a query or a fragment.
    #[error("may hold nothing but scheme, host, port and path")]
    TooMuch,
    /// An origin with a path.
    #[error("may hold nothing but scheme, host and port")]
    Path,
    /// The operator was not started with its origin.
    #[error("has an origin that the operator was not started with")]
    NotAllowed,
    /// The bundle is larger than any.
    #[error("is larger than 256 KiB")]
    LargeBundle,
    /// It has no certificate.
    #[error("has no certificate: write PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----")]
    NoCertificate,
    /// Its certificate of this number, from 1, cannot be read.
    #[error("has a certificate that cannot be read, number {0}")]
    BadCertificate(usize),
}

/// The largest CA bundle that is read.
const LARGEST_BUNDLE: usize = 256 * 1024;

impl Endpoint {
    /// Base URL of the sandbox.
    pub const SANDBOX: &str = "https://api-sandbox.rocketlawyer.com/partners/v1/auth";
    /// Base URL of the production service.
    pub const PRODUCTION: &str = "https://api.rocketlawyer.com/partners/v1/auth";

    /// The sandbox.
    #[must_use]
    pub fn sandbox() -> Self {
        Self::built_in(Self::SANDBOX, "https://api-sandbox.rocketlawyer.com:443")
    }

    /// The production service.
    #[must_use]
    pub fn production() -> Self {
        Self::built_in(Self::PRODUCTION, "https://api.rocketlawyer.com:443")
    }

    /// Another place, whose origin must be among `allowed`. Plain http needs no more than that: whoever lists such
    /// an origin has said it in full.
    pub fn custom(url: &str, ca_bundle: Option<CaBundle>, allowed: &[Origin]) -> Result<Self, BadEndpoint> {
        let url = checked(url)?;
        let origin = Origin::of(&url)?;
        if !allowed.contains(&origin) {
            return Err(BadEndpoint::NotAllowed);
        }
        Ok(Self { base: url.as_str().trim_end_matches('/').into(), origin, ca_bundle })
    }

    /// The base URL, without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its origin: what a gate is keyed by.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The certificates it brings.
    #[must_use]
    pub fn ca_bundle(&self) -> Option<&CaBundle> {
        self.ca_bundle.as_ref()
    }

    fn built_in(base: &str, origin: &str) -> Self {
        Self { base: base.into(), origin: Origin(origin.into()), ca_bundle: None }
    }
}

impl Origin {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing protects what is sent there.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.0.starts_with("http://")
    }

    fn of(url: &Url) -> Result<Self, BadEndpoint> {
        let host = url.host_str().ok_or(BadEndpoint::NotAUrl)?;
        let port = url.port_or_known_default().ok_or(BadEndpoint::NotAUrl)?;
        Ok(Self(format!("{}://{host}:{port}", url.scheme()).into()))
    }
}

impl FromStr for Origin {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let url = checked(text)?;
        match url.path() {
            "" | "/" => Self::of(&url),
            _ => Err(BadEndpoint::Path),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CaBundle {
    /// The certificates.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl FromStr for CaBundle {
    type Err = BadEndpoint;

    fn from_str(pem: &str) -> Result<Self, BadEndpoint> {
        if pem.len() > LARGEST_BUNDLE {
            return Err(BadEndpoint::LargeBundle);
        }
        let mut roots = RootCertStore::empty();
        let mut certificates = Vec::new();
        for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(pem.as_bytes())) {
            let certificate = certificate.map_err(|_| BadEndpoint::BadCertificate(number))?;
            certificates.push(certificate.clone());
            roots.add(certificate).map_err(|_| BadEndpoint::BadCertificate(number))?;
        }
        if certificates.is_empty() {
            return Err(BadEndpoint::NoCertificate);
        }
        Ok(Self(certificates.into()))
    }
}

impl fmt::Debug for CaBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaBundle({} certificates)", self.0.len())
    }
}

/// The URL parser forgives much (spaces, backslashes, empty users); what is sent a secret is spelled out.
fn checked(text: &str) -> Result<Url, BadEndpoint> {
    let spelled_out =
        |c: char| c.is_ascii_graphic() && !matches!(c, '\\' | '"' | '<' | '>' | '`' | '{' | '}' | '|' | '^');
    if !text.chars().all(spelled_out) {
        return Err(BadEndpoint::NotAUrl);
    }
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return Err(BadEndpoint::Scheme);
    }
    if text.contains(['@', '?', '#']) {
        return Err(BadEndpoint::TooMuch);
    }
    let url = Url::parse(text).map_err(|_| BadEndpoint::NotAUrl)?;
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(url),
        _ => Err(BadEndpoint::NotAUrl),
    }
}

#[cfg(test)]
mod tests;
