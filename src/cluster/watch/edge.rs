//! What is kept of each object that a stream sends? Made slim while it is parsed: the rest is never held.

use std::{borrow::Cow, fmt, marker::PhantomData};

use k8s_openapi::api::core::v1;
use kube::{
    Resource,
    core::{DynamicResourceScope, ObjectMeta},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::{Seen, Vanished};
use crate::api;
use crate::api::names;
use crate::cluster::managed_secret::StoredSecret;
use crate::cluster::metadata::{Metadata, MetadataOnly};
use crate::cluster::watched::{HEAVIEST_CREDENTIAL, HEAVIEST_REQUEST, SentObject};

/// One kind of stream: what is asked for, how it is sent, and what is kept.
pub(super) trait Edge: Sized + Send + 'static {
    /// The resource to list and watch.
    type Of: Resource<DynamicType = ()>;
    /// How an object is sent.
    type Sent: DeserializeOwned;
    /// Ask for metadata only.
    const METADATA_ONLY: bool = false;
    /// How many seconds one watch lasts; `None`: as long as kube's watcher wants, minutes. The next goes on where it ended.
    const LASTS: Option<u32> = None;

    /// Which of them.
    fn fields() -> Option<String> {
        None
    }

    fn metadata(sent: &Self::Sent) -> &Metadata;
    fn keep(sent: Self::Sent) -> Seen;
}

/// An object that went through an [`Edge`], in the shape that kube's watcher wants.
pub(super) struct Slim<E> {
    pub(super) seen: Seen,
    pub(super) what: Vanished,
    /// Nothing but the resourceVersion, by which the watcher resumes.
    meta: ObjectMeta,
    edge: PhantomData<fn() -> E>,
}

pub(super) struct Credential;
pub(super) struct Request;
pub(super) struct ManagedSecret;
pub(super) struct OtherSecret;
pub(super) struct Namespace;

impl Edge for Credential {
    type Of = api::RocketLawyerCredential;
    type Sent = SentObject;

    fn metadata(sent: &SentObject) -> &Metadata {
        &sent.metadata
    }

    fn keep(sent: SentObject) -> Seen {
        Seen::Credential(Box::new(sent.slim(HEAVIEST_CREDENTIAL)))
    }
}

impl Edge for Request {
    type Of = api::ScopedTokenRequest;
    type Sent = SentObject;

    fn metadata(sent: &SentObject) -> &Metadata {
        &sent.metadata
    }

    fn keep(sent: SentObject) -> Seen {
        Seen::Request(Box::new(sent.slim(HEAVIEST_REQUEST)))
    }
}

impl Edge for ManagedSecret {
    type Of = v1::Secret;
    type Sent = StoredSecret;
    // The buffers of a connection hold what last went through it, and are freed with it.
    const LASTS: Option<u32> = Some(40);

    fn fields() -> Option<String> {
        Some(format!("type={}", names::SECRET_TYPE))
    }

    fn metadata(sent: &StoredSecret) -> &Metadata {
        &sent.metadata
    }

    fn keep(sent: StoredSecret) -> Seen {
        Seen::ManagedSecret {
            namespace: sent.namespace().into(),
            name: sent.name().into(),
            secret: Box::new(sent.seen()),
        }
    }
}

impl Edge for OtherSecret {
    type Of = v1::Secret;
    type Sent = MetadataOnly;
    const METADATA_ONLY: bool = true;

    fn fields() -> Option<String> {
        Some(format!("type!={}", names::SECRET_TYPE))
    }

    fn metadata(sent: &MetadataOnly) -> &Metadata {
        &sent.metadata
    }

    fn keep(MetadataOnly { metadata }: MetadataOnly) -> Seen {
        Seen::OtherSecret {
            version: metadata.version(),
            namespace: metadata.namespace.unwrap_or_default(),
            name: metadata.name,
        }
    }
}

impl Edge for Namespace {
    type Of = v1::Namespace;
    type Sent = MetadataOnly;
    const METADATA_ONLY: bool = true;

    fn metadata(sent: &MetadataOnly) -> &Metadata {
        &sent.metadata
    }

    fn keep(MetadataOnly { metadata }: MetadataOnly) -> Seen {
        Seen::Namespace {
            version: metadata.version(),
            name: metadata.name,
            labels: metadata.labels.unwrap_or_default().into_iter().collect(),
        }
    }
}

pub(super) fn parse<E: Edge>(json: &[u8]) -> Option<(Seen, Vanished)> {
    let slim: Slim<E> = serde_json::from_slice(json).ok()?;
    Some((slim.seen, slim.what))
}

impl<'de, E: Edge> Deserialize<'de> for Slim<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sent = E::Sent::deserialize(deserializer)?;
        let metadata = E::metadata(&sent);
        let meta = ObjectMeta {
            resource_version: metadata.resource_version.as_deref().map(str::to_owned),
            ..ObjectMeta::default()
        };
        let what = Vanished {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone(),
            uid: metadata.uid.clone().unwrap_or_default(),
            version: metadata.version(),
        };
        Ok(Self { seen: E::keep(sent), what, meta, edge: PhantomData })
    }
}

impl<E> Clone for Slim<E> {
    fn clone(&self) -> Self {
        Self { seen: self.seen.clone(), what: self.what.clone(), meta: self.meta.clone(), edge: PhantomData }
    }
}

impl<E> fmt::Debug for Slim<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.what.namespace, self.what.name)
    }
}

impl<E: Edge> Resource for Slim<E> {
    type DynamicType = ();
    type Scope = DynamicResourceScope;

    fn metadata_api() -> bool {
        E::METADATA_ONLY
    }

    fn kind((): &()) -> Cow<'_, str> {
        E::Of::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        E::Of::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        E::Of::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        E::Of::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
