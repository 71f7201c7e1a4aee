//! What does a credential's spec ask for?

use jiff::SignedDuration;

use super::{Consent, renewal, template, ttl};
use crate::api::{AppType, Environment, RocketLawyerCredentialSpec, names};
use crate::auth::{BadEndpoint, CaBundle, Endpoint, Origin};
use crate::decision::{Delivery, Renewal, SpecFault, Template};

/// A checked `RocketLawyerCredentialSpec`.
#[derive(Clone, Debug)]
pub struct CredentialSpec {
    /// Where the service is.
    pub endpoint: EndpointSpec,
    /// Backend or Frontend.
    pub app_type: AppType,
    /// Where key and secret are.
    pub login: LoginRef,
    /// The managed Secret of a Backend app.
    pub template: Option<Template>,
    /// When its token is renewed.
    pub renewal: Renewal,
    /// Who else may refer to it.
    pub consent: Consent,
    /// The purposes that requests may ask for; `None`: all.
    pub purposes: Option<Vec<String>>,
    /// The longest service token that may be delivered.
    pub max_service_token_ttl: SignedDuration,
    /// Nothing is issued.
    pub suspended: bool,
}

/// An endpoint, or the origin that the operator was not started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointSpec {
    /// Calls may go there.
    Allowed(Endpoint),
    /// They may not.
    Refused {
        /// Where they would go.
        endpoint: Endpoint,
        /// As it would have to be given to `--allow-endpoint`.
        origin: Box<str>,
    },
}

/// `spec.clientSecretRef`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRef {
    /// The Secret.
    pub name: Box<str>,
    /// The key of the client id.
    pub id_key: Box<str>,
    /// The key of the client secret.
    pub secret_key: Box<str>,
}

impl CredentialSpec {
    /// Checks a spec; `allowed` are the origins that the operator was started with.
    pub fn check(
        name: &str,
        spec: &RocketLawyerCredentialSpec,
        allowed: &[Origin],
    ) -> Result<Self, SpecFault> {
        let backend = spec.app_type == AppType::Backend;
        let default_name = format!("{name}{}", names::CREDENTIAL_SECRET_SUFFIX);
        let template = template(spec.secret.as_ref(), default_name, Delivery::AccessToken)?;
        let login = LoginRef {
            name: spec.client_secret_ref.name.as_str().into(),
            id_key: spec.client_secret_ref.client_id_key.as_str().into(),
            secret_key: spec.client_secret_ref.client_secret_key.as_str().into(),
        };
        if backend && template.name == login.name {
            return Err(SpecFault::Field("spec.secret.name"));
        }
        Ok(Self {
            endpoint: endpoint(spec, allowed)?,
            app_type: spec.app_type,
            login,
            template: backend.then_some(template),
            renewal: renewal(spec.renewal.as_ref())?,
            consent: Consent::of(spec.allowed_namespaces.as_ref()),
            purposes: spec.allowed_purposes.clone(),
            max_service_token_ttl: ttl(&spec.max_service_token_ttl, "spec.maxServiceTokenTTL")?,
            suspended: spec.suspend,
        })
    }

    /// Whether requests may ask for this purpose.
    #[must_use]
    pub fn allows_purpose(&self, purpose: &str) -> bool {
        self.purposes.as_ref().is_none_or(|purposes| purposes.iter().any(|it| it == purpose))
    }
}

impl EndpointSpec {
    /// The endpoint, where calls may go there.
    #[must_use]
    pub fn allowed(&self) -> Option<&Endpoint> {
        match self {
            Self::Allowed(endpoint) => Some(endpoint),
            Self::Refused { .. } => None,
        }
    }

    /// The endpoint, whether calls may go there or not: what a token is for does not depend on that.
    #[must_use]
    pub fn any(&self) -> &Endpoint {
        match self {
            Self::Allowed(endpoint) | Self::Refused { endpoint, .. } => endpoint,
        }
    }

    /// The origin that was refused.
    #[must_use]
    pub fn refused(&self) -> Option<&str> {
        match self {
            Self::Allowed(_) => None,
            Self::Refused { origin, .. } => Some(origin),
        }
    }
}

fn endpoint(spec: &RocketLawyerCredentialSpec, allowed: &[Origin]) -> Result<EndpointSpec, SpecFault> {
    let fault = SpecFault::Field("spec.endpoint");
    match (spec.environment, &spec.endpoint) {
        (Environment::Sandbox, None) => Ok(EndpointSpec::Allowed(Endpoint::sandbox())),
        (Environment::Production, None) => Ok(EndpointSpec::Allowed(Endpoint::production())),
        (Environment::Custom, Some(custom)) => {
            let bundle = custom.ca_bundle.as_deref().map(str::parse::<CaBundle>).transpose();
            let bundle = bundle.map_err(bad_bundle)?;
            custom_endpoint(&custom.url, bundle, allowed)
        }
        _ => Err(fault),
    }
}

fn bad_bundle(problem: BadEndpoint) -> SpecFault {
    match problem {
        BadEndpoint::NoCertificate => SpecFault::NoCertificate,
        BadEndpoint::BadCertificate(number) => SpecFault::BadCertificate(number),
        _ => SpecFault::Field("spec.endpoint.caBundle"),
    }
}

fn custom_endpoint(
    url: &str,
    bundle: Option<CaBundle>,
    allowed: &[Origin],
) -> Result<EndpointSpec, SpecFault> {
    let fault = SpecFault::Field("spec.endpoint.url");
    match Endpoint::custom(url, bundle.clone(), allowed) {
        Ok(endpoint) => Ok(EndpointSpec::Allowed(endpoint)),
        Err(BadEndpoint::NotAllowed) => {
            let origin = origin_of(url);
            let own: Origin = origin.parse().map_err(|_| fault)?;
            let endpoint = Endpoint::custom(url, bundle, &[own]).map_err(|_| fault)?;
            Ok(EndpointSpec::Refused { endpoint, origin })
        }
        Err(_) => Err(fault),
    }
}

/// Scheme and authority, as they were written: the URL was checked before.
fn origin_of(url: &str) -> Box<str> {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/").into()
}
