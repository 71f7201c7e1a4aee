//! A Secret is gone, or may be: what does that mean for those who want its name, or read it? No I/O, no clock.

use std::sync::Arc;

use super::claims::owner;
use super::{LoginState, State};
use crate::decision::{FailedStep, Key, Owner, SeenSecret};

impl State {
    /// Of those who want the name, it has vanished for the one that it belonged to, and for one that had a token: whoever can
    /// delete its Secret can give it away first. To the others it has become free.
    pub(super) fn lost(&mut self, namespace: &Arc<str>, name: &str, gone: &SeenSecret) -> Vec<Key> {
        let woken = self.concerned(namespace, name, [owner(namespace, gone)]);
        for key in &woken {
            if let Some(object) = self.objects.get_mut(key)
                && (object.work.announced || !belongs_to_another(gone, key, &object.meta.uid))
            {
                object.work.care.strange = false;
                object.work.care.made_up = false;
                if gone.owner == Owner::Nobody {
                    // What could not be adopted is out of the way.
                    object.work.failures.forgive(&[FailedStep::WriteSecret]);
                }
                object.work.care.vanished = true;
                // Its namespace may be on its way out: the server is asked before a token is spent.
                object.work.care.rehearse = true;
                object.work.care.owner_confirmed = false;
                object.work.care.content_lost = false;
            }
        }
        let readers = self.without_login(namespace, name);
        woken.into_iter().chain(readers).collect()
    }

    /// A Secret that was not ours is gone: its name is free, and who read its login has none.
    pub(super) fn freed(&mut self, namespace: &Arc<str>, name: &str) -> Vec<Key> {
        let woken = self.concerned(namespace, name, []);
        let readers = self.without_login(namespace, name);
        woken.into_iter().chain(readers).collect()
    }

    /// Who read a login there has none; where a Secret of the other sort bears the name by now, that one is read.
    fn without_login(&mut self, namespace: &Arc<str>, name: &str) -> Vec<Key> {
        let another =
            self.secrets.is_taken(namespace, name) || self.secrets.managed(namespace, name).is_some();
        let mut woken = Vec::new();
        for reader in self.readers.get(&(namespace.clone(), name.into())).cloned().unwrap_or_default() {
            if let Some(session) = self.session_mut(&reader)
                && !matches!(session.login, LoginState::Absent)
            {
                session.login = if another { LoginState::Unread } else { LoginState::Absent };
                session.login_was_known |= !another;
                woken.push(reader);
            }
        }
        woken
    }

    /// A Secret of our type is there, which a list of the others did not show to those who would read a login in it.
    pub(super) fn found(&mut self, namespace: &Arc<str>, name: &str) -> Vec<Key> {
        let mut woken = Vec::new();
        for reader in self.readers.get(&(namespace.clone(), name.into())).cloned().unwrap_or_default() {
            if let Some(session) = self.session_mut(&reader)
                && matches!(session.login, LoginState::Absent)
            {
                session.login = LoginState::Unread;
                woken.push(reader);
            }
        }
        woken
    }

    /// Nobody knows what bears this name: those who want it are to look.
    pub(super) fn doubt(&mut self, namespace: &Arc<str>, name: &str) -> Vec<Key> {
        let owner = self.secrets.managed(namespace, name).and_then(|it| owner(namespace, it));
        let woken = self.concerned(namespace, name, [owner]);
        for key in &woken {
            if let Some(object) = self.objects.get_mut(key) {
                object.work.look = true;
            }
        }
        woken
    }
}

pub(super) fn belongs_to_another(secret: &SeenSecret, key: &Key, uid: &str) -> bool {
    match &secret.owner {
        // A uid alone says nothing: the collector looks for an object of this kind and name.
        Owner::Ours { kind, name, uid: owner } => *kind != key.kind || **name != *key.name || **owner != *uid,
        Owner::Other => true,
        Owner::Nobody => false,
    }
}

#[cfg(test)]
mod tests;
