//! A managed Secret, or its owner, was looked at or written: what does that change? Pure.

use jiff::Timestamp;

use super::super::effect::{Outcome, WriteFailed};
use super::super::want::Recall;
use super::{api_server, asked_to_wait, read_failed, secret_name, setback};
use crate::api::Reason;
use crate::cluster::ReadFailed;
use crate::cluster::owner::{Deletion, OwnerNow};
use crate::cluster::secrets::{LoginLook, Look, WriteRefused};
use crate::decision::{
    Content, FailedStep, Key, Owner, Record, ResourceVersion, RetryClass, SeenSecret, Setback,
};
use crate::state::{Held, Lists, State};

pub(super) fn looked(
    state: &mut State,
    key: &Key,
    look: Result<Look, ReadFailed>,
    now: Timestamp,
) -> Vec<Key> {
    let Some(name) = secret_name(state, key) else {
        return Vec::new();
    };
    let mut woken = Vec::new();
    match look {
        Ok(Look::Absent) => woken = state.lose_secret(&key.namespace, &name, None),
        Ok(Look::Ours(seen)) => {
            state.know_secret(&key.namespace, &name, seen);
        }
        Ok(Look::Foreign(version)) => state.know_other_secret(&key.namespace, &name, version),
        Err(failed) => {
            setback(state, key, read_failed(FailedStep::ReadManagedSecret, failed), now);
            return woken;
        }
    }
    if let Some(object) = state.object_mut(key) {
        object.work.look = false;
    }
    read_again(state, key);
    woken
}

/// Whether an answer tells of a Secret that a list did not show which ended since the question, `asked` being the lists that
/// had ended by then. It may be gone, and no watch would ever say so: it is looked at, and the answer is not believed.
pub(in super::super) fn is_outdated(state: &State, key: &Key, outcome: &Outcome, asked: Lists) -> bool {
    let Lists { managed, others } = state.secrets().lists();
    let here = &key.namespace;
    let name = secret_name(state, key).unwrap_or_default();
    match outcome {
        Outcome::Written { result: Ok(_), .. }
        | Outcome::Looked(Ok(Look::Ours(_)))
        | Outcome::Recalled(Ok(Recall::Token(..) | Recall::Damaged(_))) => {
            managed != asked.managed && state.secrets().managed(here, &name).is_none()
        }
        Outcome::Looked(Ok(Look::Foreign(_))) => {
            others != asked.others && !state.secrets().is_taken(here, &name)
        }
        Outcome::Login(login, Ok(LoginLook::Found { .. })) => {
            others != asked.others && !state.secrets().is_taken(here, &login.name)
        }
        _ => false,
    }
}

/// What an outdated answer told of is asked anew. A client Secret that is not known is read at the next turn anyway.
pub(in super::super) fn doubt(state: &mut State, key: &Key, outcome: &Outcome) {
    if !matches!(outcome, Outcome::Login(..))
        && let Some(object) = state.object_mut(key)
    {
        object.work.look = true;
    }
}

/// What failed to be read was read.
fn read_again(state: &mut State, key: &Key) {
    if let Some(object) = state.object_mut(key) {
        object.work.failures.forgive(&[FailedStep::ReadManagedSecret, FailedStep::ConfirmOwner]);
    }
}

pub(super) fn owner_seen(
    state: &mut State,
    key: &Key,
    owner: Result<OwnerNow, ReadFailed>,
    now: Timestamp,
) -> Vec<Key> {
    let lives = match owner {
        Ok(OwnerNow::Present { uid, deleting, .. }) => {
            !deleting && state.object(key).is_some_and(|object| *object.meta.uid == *uid)
        }
        Ok(OwnerNow::Absent) => false,
        Err(failed) => {
            setback(state, key, read_failed(FailedStep::ConfirmOwner, failed), now);
            return Vec::new();
        }
    };
    if !lives {
        // The watch will say so. Until then nothing is done for it but to ask again, in case this was not true.
        let news = Setback { class: RetryClass::Transient, ..api_server(FailedStep::ConfirmOwner) };
        setback(state, key, news, now);
        return Vec::new();
    }
    read_again(state, key);
    if let Some(object) = state.object_mut(key) {
        object.work.care.owner_confirmed = true;
    }
    Vec::new()
}

pub(super) fn recall(
    state: &mut State,
    key: &Key,
    recalled: Result<Recall, ReadFailed>,
    now: Timestamp,
) -> Vec<Key> {
    let Some(name) = secret_name(state, key) else {
        return Vec::new();
    };
    if recalled.is_ok() {
        read_again(state, key);
    }
    match recalled {
        Ok(Recall::Gone) => state.lose_secret(&key.namespace, &name, None),
        Ok(Recall::Damaged(seen)) => damaged(state, key, &name, seen),
        // The token that somebody put in the place of ours.
        Ok(Recall::Token(_, _, seen))
            if state.object(key).is_some_and(|it| it.work.care.is_forged(&seen)) =>
        {
            damaged(state, key, &name, seen)
        }
        Ok(Recall::Token(token, record, seen)) => {
            state.know_secret(&key.namespace, &name, seen.clone());
            if state.object(key).is_some_and(|it| it.work.care.made_up) {
                return damaged(state, key, &name, seen);
            }
            hold(state, key, Held { record, token });
            if let Some(object) = state.object_mut(key) {
                object.work.care.held_clock_set = object.work.care.clock_set;
            }
            Vec::new()
        }
        Err(failed) => {
            setback(state, key, read_failed(FailedStep::ReadManagedSecret, failed), now);
            Vec::new()
        }
    }
}

/// No token that can be used was found: whatever its hash says, it is not as it was written.
fn damaged(state: &mut State, key: &Key, name: &str, seen: SeenSecret) -> Vec<Key> {
    let seen = SeenSecret { content: Content::Edited, ..seen };
    state.know_secret(&key.namespace, name, seen);
    if let Some(object) = state.object_mut(key) {
        object.work.care.content_lost = true;
    }
    Vec::new()
}

/// Holds a token. Of a credential it is a new generation: a refusal of an earlier one no longer counts.
pub(super) fn hold(state: &mut State, key: &Key, held: Held) {
    let Some(object) = state.object_mut(key) else {
        return;
    };
    object.work.held = Some(held);
    object.work.care.landed = false;
    if let Some(credential) = object.credential_mut() {
        credential.session.generation += 1;
    }
}

/// A Secret with this record was written, which was to be rendered so. Returns whether that undid somebody's deletion or edit.
pub(super) fn wrote(state: &mut State, key: &Key, record: &Record, rendering: u64, seen: SeenSecret) -> bool {
    let Some(name) = secret_name(state, key) else {
        return false;
    };
    let (shown, seal, version) = (seen.rendering, seen.seal, seen.version);
    if let Some(object) = state.object_mut(key) {
        object.work.writing = true;
    }
    let gone = state.secrets().is_gone(&key.namespace, &name, seen.version);
    let answered_edited = seen.content == Content::Edited;
    let shown_edited = is_shown_edited(state, key, &name, version);
    if !shown_edited {
        state.know_secret(&key.namespace, &name, seen);
    }
    read_again(state, key);
    let Some(object) = state.object_mut(key) else {
        return false;
    };
    object.work.writing = false;
    object.work.look = false;
    object.work.failures.forgive(&[FailedStep::WriteSecret]);
    if gone {
        // It was written and deleted, and the watch said so first: the token that is held is put back.
        object.work.contested = 0;
        object.work.care.vanished = true;
        object.work.care.owner_confirmed = false;
        return false;
    }
    let care = &mut object.work.care;
    care.rendered = Some((rendering, shown));
    let restored = (care.edited && !shown_edited) || care.vanished || care.strange;
    care.known_record = Some(record.fingerprint());
    care.known_seal = seal;
    object.is_written();
    let there = state.secrets().managed(&key.namespace, &name);
    if shown_edited || answered_edited || there.is_some_and(|there| version.is_before(there.version)) {
        // What a policy made of it, or somebody since, is judged by what was written.
        state.recognise(key, &key.namespace, &name);
    }
    restored
}

/// Whether the watch has shown what was just written, and that a policy edits the data of what is written. The answer tells of
/// metadata alone.
fn is_shown_edited(state: &State, key: &Key, name: &str, version: ResourceVersion) -> bool {
    let seen = state.secrets().managed(&key.namespace, name);
    seen.is_some_and(|seen| seen.version == version && seen.content == Content::Edited)
}

pub(super) fn refused_write(state: &mut State, key: &Key, failed: WriteFailed, now: Timestamp) {
    if !matches!(failed.refused, WriteRefused::Timeout | WriteRefused::Unavailable { .. }) {
        // What the watch has shown meanwhile was not this.
        is_not_ours(state, key);
    }
    let Some(object) = state.object_mut(key) else {
        return;
    };
    match failed.refused {
        WriteRefused::Exists | WriteRefused::Conflict | WriteRefused::Gone | WriteRefused::Timeout => {
            object.work.look = true;
            if failed.refused == WriteRefused::Timeout && object.work.writing {
                // It may have been written, unless it was a rehearsal: what is seen next may be that.
                object.work.care.known_seal = None;
            }
            object.work.contested = object.work.contested.saturating_add(1);
            // Once is a race that the look settles; twice in a row would be a loop at the server's speed.
            if object.work.contested > 1 {
                setback(state, key, api_server(FailedStep::WriteSecret), now);
            }
        }
        WriteRefused::NamespaceTerminating | WriteRefused::NamespaceAbsent => {
            object.work.care.namespace_goes_since = Some(now);
        }
        WriteRefused::Forbidden { .. }
        | WriteRefused::Immutable
        | WriteRefused::Invalid
        | WriteRefused::Quota => {
            object.work.care.rehearse = true;
            let forbidden = matches!(failed.refused, WriteRefused::Forbidden { .. });
            let reason = if failed.right_is_missing {
                Reason::ClusterAccessDenied
            } else if forbidden && is_nobodys(state, key) {
                // Where only those who may delete a Secret may give it an owner (OpenShift), it cannot be adopted.
                Reason::SecretNotOwned
            } else {
                Reason::SecretWriteRefused
            };
            let setback_ =
                Setback { reason, class: RetryClass::WriteRefused, ..api_server(FailedStep::WriteSecret) };
            setback(state, key, setback_, now);
        }
        WriteRefused::Unavailable { retry_after } => {
            setback(state, key, asked_to_wait(FailedStep::WriteSecret, retry_after), now);
        }
    }
}

/// What was seen while a write was under way is judged as if there had been none.
fn is_not_ours(state: &mut State, key: &Key) {
    let name = secret_name(state, key);
    if let (Some(name), Some(object)) = (name, state.object_mut(key)) {
        object.work.writing = false;
        // Whether it is to be looked at is another matter.
        let look = object.work.look;
        state.recognise(key, &key.namespace, &name);
        if let Some(object) = state.object_mut(key) {
            object.work.look = look;
        }
    }
}

/// Whether the Secret has our type and no owner: writing it would have been its adoption.
fn is_nobodys(state: &State, key: &Key) -> bool {
    let name = secret_name(state, key);
    let seen = name.and_then(|name| state.secrets().managed(&key.namespace, &name));
    seen.is_some_and(|seen| seen.owner == Owner::Nobody)
}

pub(super) fn finished(state: &mut State, key: &Key, deletion: Deletion, now: Timestamp) -> Vec<Key> {
    match deletion {
        Deletion::Done => return state.end(key),
        Deletion::Conflict | Deletion::Unavailable => {
            setback(state, key, api_server(FailedStep::Delete), now);
        }
        Deletion::Forbidden => {
            let denied = Setback {
                reason: Reason::ClusterAccessDenied,
                class: RetryClass::WriteRefused,
                ..api_server(FailedStep::Delete)
            };
            setback(state, key, denied, now);
        }
    }
    Vec::new()
}
