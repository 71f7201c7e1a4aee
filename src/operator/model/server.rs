//! What would the API server do? In memory: uids, versions, preconditions, refusals, and what its watches show.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::effect::{Effect, Outcome, OwnSecret, WriteFailed};
use super::feed::{kind_of, stream, watched};
use crate::api::names;
use crate::cluster::ReadFailed;
use crate::cluster::managed_secret::{Draft, Over, StoredSecret, manifest};
use crate::cluster::owner::{Deletion, OwnerNow};
use crate::cluster::secrets::{Look, WriteRefused};
use crate::cluster::status::StatusRefused;
use crate::cluster::watch::{Change, Vanished, Watched};
use crate::decision::{Content, Key, Precondition, Record, ResourceVersion, SeenSecret, Verb};
use crate::state::HeldToken;

type SecretName = (String, String);

/// An object of ours as it is stored.
#[derive(Clone, Debug)]
pub(in super::super) struct Stored {
    pub uid: String,
    pub version: u64,
    pub generation: i64,
    pub created: Timestamp,
    pub renew_request: Option<String>,
    pub spec: Value,
    pub status: Value,
}

/// The API server.
#[derive(Default)]
pub(in super::super) struct Server {
    pub objects: BTreeMap<Key, Stored>,
    pub secrets: BTreeMap<SecretName, Value>,
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// The rights that the operator lacks, in words.
    pub missing_rights: BTreeSet<String>,
    /// How the next writes of managed Secrets are refused.
    pub refuse_writes: Option<WriteRefused>,
    /// Whether a Secret without an owner may be given one.
    pub refuse_adoption: bool,
    /// Whether reads fail.
    pub refuse_reads: bool,
    /// How writes of statuses are refused.
    pub refuse_status: Option<StatusRefused>,
    /// How long whoever is refused is asked to wait.
    pub retry_after: Option<Duration>,
    /// What a policy makes of whatever is written.
    pub policy: Option<fn(&mut Value, &Draft<'_>)>,
    /// What comes in the place of the answer to the next write that is done.
    pub lose_answer: Option<WriteRefused>,
    /// What the watches have not shown yet, by stream.
    pub feeds: BTreeMap<Watched, VecDeque<Change>>,
    /// What was asked of it, in order.
    pub journal: Vec<String>,
    clock: u64,
}

impl Server {
    pub(in super::super) fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// Does what is asked, if it is for the API server.
    pub(in super::super) fn execute(&mut self, effect: Effect) -> Outcome {
        match effect {
            Effect::Read((namespace, name)) => {
                self.note("read", &name);
                Outcome::Read(self.read().map(|()| self.stored(&namespace, &name)))
            }
            Effect::Look { namespace, name } => {
                self.note("look", &name);
                Outcome::Looked(self.read().map(|()| self.look(&namespace, &name)))
            }
            Effect::ConfirmOwner { key } => {
                self.note("confirm owner", &key.name);
                Outcome::Owner(self.read().map(|()| self.owner(&key)))
            }
            Effect::Rehearse(secret) => {
                self.note("rehearse", &secret.template.name);
                Outcome::Rehearsed(self.judge(&secret).map_err(|refused| self.failed(&secret.key, refused)))
            }
            Effect::Write { secret, record, token, again } => {
                self.note("write", &secret.template.name);
                let result = self.write(&secret, &record, &token);
                let lost = if result.is_ok() { self.lose_answer.take() } else { None };
                let result = lost.map_or(result, Err);
                let rendering = secret.template.rendering();
                let result = result.map_err(|refused| self.failed(&secret.key, refused));
                Outcome::Written { record, rendering, again, result }
            }
            Effect::Finish { key, uid, version } => {
                self.note("delete", &key.name);
                Outcome::Finished(self.finish(&key, &uid, version))
            }
            Effect::Status { key, version, patch } => {
                self.note("status", &key.name);
                Outcome::Published(self.patch_status(&key, version, &patch))
            }
            Effect::Ask(right) => {
                self.note("ask to", &right.to_string());
                Outcome::Asked(self.read().map(|()| !self.missing_rights.contains(&right.to_string())))
            }
            Effect::Issue { .. } => unreachable!("for the authentication service"),
        }
    }

    fn note(&mut self, what: &str, name: &str) {
        self.journal.push(format!("{what} {name}"));
    }

    fn read(&self) -> Result<(), ReadFailed> {
        if self.refuse_reads {
            return Err(ReadFailed::Unavailable { retry_after: self.retry_after });
        }
        Ok(())
    }

    fn look(&self, namespace: &str, name: &str) -> Look {
        match self.stored(namespace, name) {
            None => Look::Absent,
            Some(it) if it.has_our_type() => Look::Ours(SeenSecret {
                content: Content::Unseen,
                rendering: 0,
                immutable: false,
                ..it.seen()
            }),
            Some(_) => Look::Foreign(version(&self.secrets[&(namespace.into(), name.into())])),
        }
    }

    fn owner(&self, key: &Key) -> OwnerNow {
        self.objects.get(key).map_or(OwnerNow::Absent, |it| OwnerNow::Present {
            uid: it.uid.as_str().into(),
            version: ResourceVersion(it.version),
            deleting: false,
        })
    }

    /// A Secret as it would be read whole.
    pub(in super::super) fn stored(&self, namespace: &str, name: &str) -> Option<StoredSecret> {
        let secret = self.secrets.get(&(namespace.into(), name.into()))?;
        StoredSecret::parse(secret.to_string().as_bytes())
    }

    fn judge(&self, secret: &OwnSecret) -> Result<(), WriteRefused> {
        if let Some(refused) = self.refuse_writes {
            return Err(refused);
        }
        let verb =
            if matches!(secret.precondition, Precondition::Absent) { Verb::Create } else { Verb::Update };
        if self.missing_rights.contains(&format!("{} secrets in {}", verb.as_str(), secret.key.namespace)) {
            return Err(WriteRefused::Forbidden { verb });
        }
        let name = (secret.key.namespace.to_string(), secret.template.name.to_string());
        match (&secret.precondition, self.secrets.get(&name)) {
            (Precondition::Absent, None) => Ok(()),
            (Precondition::Absent, Some(_)) => Err(WriteRefused::Exists),
            (Precondition::Unchanged { .. }, None) => Err(WriteRefused::Gone),
            (Precondition::Unchanged { uid, version: at }, Some(old)) => {
                if old["metadata"]["uid"] != json!(uid) || version(old) != *at {
                    return Err(WriteRefused::Conflict);
                }
                if self.refuse_adoption && old["metadata"]["ownerReferences"].is_null() {
                    return Err(WriteRefused::Forbidden { verb: Verb::Update });
                }
                let ours = old["type"] == json!(names::SECRET_TYPE);
                if old["immutable"] == json!(true) || !ours {
                    return Err(WriteRefused::Immutable);
                }
                Ok(())
            }
        }
    }

    fn write(
        &mut self,
        secret: &OwnSecret,
        record: &Record,
        token: &HeldToken,
    ) -> Result<SeenSecret, WriteRefused> {
        self.judge(secret)?;
        let over = match &secret.precondition {
            Precondition::Absent => None,
            Precondition::Unchanged { uid, version } => Some(Over { uid, version: *version }),
        };
        let draft = secret.draft(record, token);
        let mut body: Value = serde_json::from_slice(manifest(&draft, over).bytes()).expect("a manifest");
        if let Some(policy) = self.policy {
            policy(&mut body, &draft);
        }
        if over.is_none() {
            body["metadata"]["uid"] = json!(format!("secret-{}", self.clock));
        }
        let name = (secret.key.namespace.to_string(), secret.template.name.to_string());
        self.put_secret(&name.0, &name.1, body);
        Ok(self.stored(&name.0, &name.1).expect("just written").written(&draft))
    }

    fn failed(&self, key: &Key, refused: WriteRefused) -> WriteFailed {
        let right_is_missing = match refused {
            WriteRefused::Forbidden { verb } => {
                self.missing_rights.contains(&format!("{} secrets in {}", verb.as_str(), key.namespace))
            }
            _ => false,
        };
        WriteFailed { refused, right_is_missing }
    }

    /// Stores a Secret and shows it.
    pub(in super::super) fn put_secret(&mut self, namespace: &str, name: &str, mut secret: Value) {
        let version = self.tick();
        secret["metadata"]["name"] = json!(name);
        secret["metadata"]["namespace"] = json!(namespace);
        secret["metadata"]["resourceVersion"] = json!(version.to_string());
        if secret["metadata"]["uid"].is_null() {
            secret["metadata"]["uid"] = json!(format!("secret-{version}"));
        }
        self.secrets.insert((namespace.into(), name.into()), secret);
        let change = self.secret_change(namespace, name);
        self.show(change);
    }

    pub(in super::super) fn delete_secret(&mut self, namespace: &str, name: &str) {
        let old = self.secrets.remove(&(namespace.into(), name.into())).expect("it is there");
        let version = self.tick();
        let what = kind_of(&old);
        self.show(Change::Gone {
            stream: stream(what),
            what: Vanished {
                namespace: namespace.into(),
                name: name.into(),
                uid: old["metadata"]["uid"].as_str().unwrap_or_default().into(),
                version: ResourceVersion(version),
            },
        });
    }

    fn finish(&mut self, key: &Key, uid: &str, version: ResourceVersion) -> Deletion {
        match self.objects.get(key) {
            None => Deletion::Done,
            Some(it) if it.uid != uid || it.version != version.0 => Deletion::Conflict,
            Some(_) => {
                self.delete_object(key);
                Deletion::Done
            }
        }
    }

    /// Deletes an object; the garbage collector comes by [`Server::collect_garbage`].
    pub(in super::super) fn delete_object(&mut self, key: &Key) {
        let old = self.objects.remove(key).expect("it is there");
        let version = self.tick();
        self.show(Change::Gone {
            stream: stream(watched(key.kind)),
            what: Vanished {
                namespace: (&*key.namespace).into(),
                name: (&*key.name).into(),
                uid: old.uid.into(),
                version: ResourceVersion(version),
            },
        });
    }

    /// Removes the Secrets whose owners are gone.
    pub(in super::super) fn collect_garbage(&mut self) {
        let alive: Vec<&String> = self.objects.values().map(|it| &it.uid).collect();
        let orphans = self.secrets.iter().filter(|(_, it)| {
            let owner = it["metadata"]["ownerReferences"][0]["uid"].as_str();
            owner.is_some_and(|owner| alive.iter().all(|it| *it != owner))
        });
        let names: Vec<SecretName> = orphans.map(|(name, _)| name.clone()).collect();
        for (namespace, name) in names {
            self.delete_secret(&namespace, &name);
        }
    }

    fn patch_status(
        &mut self,
        key: &Key,
        version: ResourceVersion,
        patch: &Value,
    ) -> Result<ResourceVersion, StatusRefused> {
        if let Some(refusal) = self.refuse_status {
            return Err(refusal);
        }
        if self.missing_rights.contains(&format!("patch {}/status in {}", key.kind.plural(), key.namespace)) {
            return Err(StatusRefused::Forbidden);
        }
        let next = self.clock + 1;
        let stored = self.objects.get_mut(key).ok_or(StatusRefused::Gone)?;
        if stored.version != version.0 {
            return Err(StatusRefused::Conflict);
        }
        merge(&mut stored.status, patch);
        stored.version = next;
        self.clock = next;
        self.show_object(key);
        Ok(ResourceVersion(next))
    }
}

pub(super) fn version(secret: &Value) -> ResourceVersion {
    let text = secret["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    ResourceVersion(text.parse().unwrap_or_default())
}

fn merge(old: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *old = patch.clone();
        return;
    };
    if !old.is_object() {
        *old = json!({});
    }
    for (key, change) in patch {
        if change.is_null() {
            old.as_object_mut().expect("an object").remove(key);
        } else {
            merge(&mut old[key], change);
        }
    }
}
