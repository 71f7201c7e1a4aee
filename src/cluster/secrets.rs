//! How are Secrets written and looked at? Writes carry preconditions (behaviour §1.3) and bring metadata back, no data.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::call::{ApiServer, Call, METADATA, METADATA_LIST, NoAnswer, ReadFailed, WHOLE, is_a_name};
use super::managed_secret::{
    Draft, Over, OwnedBy, StoredSecret, manifest, seen_from_metadata, written as as_written,
};
use super::metadata::MetadataOnly;
use super::refusal::Refusal;
use crate::api::names;
use crate::decision::{Content, InputsHash, Record, ResourceVersion, SeenSecret, Template, Verb};
use crate::token::{AccessToken, ClientSecret};

/// Why a managed Secret was not written. Holds nothing that the server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteRefused {
    /// A create: the name is taken. Look at whose it is.
    Exists,
    /// A replace: the Secret is another, or has changed. Look again.
    Conflict,
    /// A replace: there is no such Secret any more.
    Gone,
    /// The namespace is being deleted: end quietly.
    NamespaceTerminating,
    /// There is no such namespace.
    NamespaceAbsent,
    /// 403 without a cause: ask [`ApiServer::can`] whether the right is missing; otherwise an admission refuses.
    Forbidden {
        /// The verb on `secrets` to ask about.
        verb: Verb,
    },
    /// The Secret is `immutable: true`, or of another type.
    Immutable,
    /// The server does not take it as it is.
    Invalid,
    /// The namespace is out of quota.
    Quota,
    /// No whole answer: it may have been written. Look again.
    Timeout,
    /// Nothing about this Secret: try again later.
    Unavailable {
        /// When it said when.
        retry_after: Option<Duration>,
    },
}

/// Whose a name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nobody's.
    Absent,
    /// A Secret of our type; whether it is this object's, [`SeenSecret::owner`] says.
    Ours(SeenSecret),
    /// A Secret of another type, at this version.
    Foreign(ResourceVersion),
}

/// What a client Secret holds.
#[derive(Debug)]
pub enum LoginLook {
    /// There is no such Secret.
    Absent,
    /// There is one.
    Found {
        /// Under the key of the client id.
        client_id: Entry<Box<str>>,
        /// Under the key of the client secret.
        client_secret: Entry<ClientSecret>,
        /// At which resourceVersion.
        version: ResourceVersion,
    },
}

/// Longest client id, and longest client secret: each credential that names a Secret keeps its own copy in memory, and a Secret
/// may hold a megabyte.
const LONGEST_ID: usize = 1024;
const LONGEST_SECRET: usize = 4096;

/// What is under one key.
#[derive(Debug)]
pub enum Entry<T> {
    /// Nothing.
    Missing,
    /// Something that is empty, is not UTF-8, has control characters beyond one trailing newline, or is longer than any login.
    Unusable,
    /// A value.
    Usable(T),
}

#[derive(Deserialize)]
struct MetadataList {
    /// The server writes an empty metadata list as null.
    items: Option<Vec<MetadataOnly>>,
}

/// Writes.
impl ApiServer {
    /// The first write of a managed Secret. Gives what it is like now.
    pub async fn create_secret(&self, draft: &Draft<'_>) -> Result<SeenSecret, WriteRefused> {
        self.write_secret(draft, None, "").await
    }

    /// Every later write: the whole Secret, if it is still the one with this uid and resourceVersion.
    pub async fn replace_secret(
        &self,
        draft: &Draft<'_>,
        over: Over<'_>,
    ) -> Result<SeenSecret, WriteRefused> {
        self.write_secret(draft, Some(over), "").await
    }

    /// Whether a write would be taken, by the server's dry run and with a stand-in for the token. `Ok` if it would.
    pub async fn rehearse_secret(
        &self,
        namespace: &str,
        owner: OwnedBy<'_>,
        template: &Template,
        over: Option<Over<'_>>,
    ) -> Result<(), WriteRefused> {
        let token = AccessToken::read("rehearsal").ok_or(WriteRefused::Invalid)?;
        let record = Record {
            issued_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::UNIX_EPOCH,
            inputs: InputsHash::V1 { made_for: [0; 16], made_with: [0; 16] },
            renew_handled: None,
        };
        let draft = Draft { namespace, owner, template, record: &record, token: &token };
        self.write_secret(&draft, over, "&dryRun=All").await.map(|_| ())
    }

    async fn write_secret(
        &self,
        draft: &Draft<'_>,
        over: Option<Over<'_>>,
        options: &str,
    ) -> Result<SeenSecret, WriteRefused> {
        let name = &draft.template.name;
        if !is_a_name(name) || !is_a_name(draft.namespace) {
            return Err(WriteRefused::Invalid);
        }
        let (method, verb, at) = match over {
            None => (Method::POST, Verb::Create, String::new()),
            Some(_) => (Method::PUT, Verb::Update, format!("/{name}")),
        };
        let path = format!(
            "/api/v1/namespaces/{}/secrets{at}?fieldManager={}{options}",
            draft.namespace,
            names::OPERATOR
        );
        let body = Bytes::from_owner(manifest(draft, over).0);
        let call = Call::with_body(method, path, body, METADATA);
        let answer = self.call(call).await.map_err(|failed| match failed {
            NoAnswer::NotSent => WriteRefused::Unavailable { retry_after: None },
            NoAnswer::Lost => WriteRefused::Timeout,
        })?;
        if !matches!(answer.status, 200 | 201) {
            return Err(WriteRefused::of(Refusal::of(&answer), verb));
        }
        let written: MetadataOnly = answer.parse().ok_or(WriteRefused::Timeout)?;
        Ok(as_written(draft, &written.metadata))
    }
}

/// Looks.
impl ApiServer {
    /// Whose a name is, by metadata lists alone; needs the right to list. The content stays unseen.
    pub async fn look(&self, namespace: &str, name: &str) -> Result<Look, ReadFailed> {
        if !is_a_name(namespace) || !is_a_name(name) {
            return Ok(Look::Absent);
        }
        let of_type = format!("%2Ctype%3D{}", names::SECRET_TYPE);
        if let Some(MetadataOnly { metadata }) = self.find_secret(namespace, name, &of_type).await? {
            return Ok(Look::Ours(seen_from_metadata(&metadata, [].into_iter(), Content::Unseen)));
        }
        let taken = self.find_secret(namespace, name, "").await?;
        Ok(taken.map_or(Look::Absent, |it| Look::Foreign(it.metadata.version())))
    }

    /// The whole Secret: a client Secret, or one of ours, to recall or salvage what it holds.
    pub async fn stored_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<StoredSecret>, ReadFailed> {
        if !is_a_name(namespace) || !is_a_name(name) {
            return Ok(None);
        }
        self.read(format!("/api/v1/namespaces/{namespace}/secrets/{name}"), WHOLE).await
    }

    async fn find_secret(
        &self,
        namespace: &str,
        name: &str,
        and: &str,
    ) -> Result<Option<MetadataOnly>, ReadFailed> {
        let path =
            format!("/api/v1/namespaces/{namespace}/secrets?fieldSelector=metadata.name%3D{name}{and}");
        let list = self.read::<MetadataList>(path, METADATA_LIST).await?;
        Ok(list.and_then(|list| list.items?.into_iter().next()))
    }
}

impl LoginLook {
    /// What this Secret holds under the two keys.
    #[must_use]
    pub fn of(secret: &StoredSecret, id_key: &str, secret_key: &str) -> Self {
        let version = secret.metadata.version();
        if !secret.may_hold_a_login() {
            return Self::Found { client_id: Entry::Missing, client_secret: Entry::Missing, version };
        }
        Self::Found {
            client_id: Entry::of(secret.value(id_key), client_id),
            client_secret: Entry::of(secret.value(secret_key), client_secret),
            version,
        }
    }
}

impl WriteRefused {
    fn of(refusal: Refusal, verb: Verb) -> Self {
        match refusal {
            Refusal::Exists => Self::Exists,
            Refusal::Conflict => Self::Conflict,
            Refusal::Absent => Self::Gone,
            Refusal::NamespaceAbsent => Self::NamespaceAbsent,
            Refusal::NamespaceTerminating => Self::NamespaceTerminating,
            Refusal::Quota => Self::Quota,
            Refusal::Forbidden => Self::Forbidden { verb },
            Refusal::Immutable => Self::Immutable,
            Refusal::Invalid => Self::Invalid,
            Refusal::Timeout => Self::Timeout,
            Refusal::Unavailable(retry_after) => Self::Unavailable { retry_after },
        }
    }
}

impl<T> Entry<T> {
    fn of(value: Option<&[u8]>, read: impl FnOnce(&[u8]) -> Option<T>) -> Self {
        match value {
            None => Self::Missing,
            Some(bytes) => read(bytes).map_or(Self::Unusable, Self::Usable),
        }
    }
}

/// A client id, as strict as a client secret is.
fn client_id(bytes: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let fits = !text.is_empty() && text.len() <= LONGEST_ID && !text.contains(char::is_control);
    fits.then(|| text.into())
}

fn client_secret(bytes: &[u8]) -> Option<ClientSecret> {
    if bytes.len() > LONGEST_SECRET { None } else { ClientSecret::read(bytes) }
}

#[cfg(test)]
mod tests;
