//! What follows from a status that was written, or was not? Pure, as all turns are.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::decide::{NewStatus, Publish};
use super::super::effect::Effect;
use super::{Landed, Told, Turn, Turns};
use crate::cluster::status::StatusRefused;
use crate::decision::schedule::later;
use crate::decision::{Key, ResourceVersion, RetryClass, delay};
use crate::state::{Detail, Object};

/// A status for which the right is missing is tried again after this, doubling to [`STATUS_REFUSED_MOST`]: a server that has
/// just started knows no roles yet, and is not the one that never grants it.
const STATUS_REFUSED: SignedDuration = SignedDuration::from_secs(3);
/// The longest of these.
const STATUS_REFUSED_MOST: SignedDuration = SignedDuration::from_mins(15);

impl Turns {
    /// The write of this status, and what people are told once it is done.
    pub(super) fn publishing(&self, key: &Key, publish: Publish) -> Option<(Effect, Told)> {
        let Publish { patch, status, before, .. } = publish;
        let version = self.state.object(key)?.meta.version;
        Some((Effect::Status { key: key.clone(), version, patch }, Box::new((before, status))))
    }

    /// A status was written.
    pub(super) fn keep(&mut self, key: &Key, version: ResourceVersion, status: &NewStatus, now: Timestamp) {
        let Some(object) = self.state.object_mut(key) else { return };
        // Somebody else's edit of the status may have been seen since: that is what the server has.
        if object.meta.version <= version {
            object.meta.version = version;
            status.clone().keep(object);
        }
        object.work.published_at = Some(now);
        object.work.voice.spend(now);
        object.work.unheard = 0;
        object.work.unwritten = 0;
    }

    /// A status that has to wait postpones no look that was arranged: a renewal does not wait for it.
    pub(super) fn published(
        &mut self,
        key: &Key,
        told: Told,
        result: Result<ResourceVersion, StatusRefused>,
        now: Timestamp,
    ) -> Landed {
        let mut landed = Landed::then(Turn::Rest);
        match result {
            Ok(version) => {
                self.keep(key, version, &told.1, now);
                landed.told = Some(told);
            }
            // The watch shows what became of it, and then nobody waits.
            Err(StatusRefused::Conflict | StatusRefused::Lost) => self.write_again(key, None, now),
            Err(StatusRefused::Unavailable { retry_after }) => self.write_again(key, retry_after, now),
            Err(StatusRefused::Forbidden) => {
                if let Some(object) = self.state.object_mut(key) {
                    let delay = STATUS_REFUSED * 2_i32.pow(object.work.unheard.min(16));
                    object.work.unheard = object.work.unheard.saturating_add(1);
                    self.queue.wake_by(key, later(now, delay.min(STATUS_REFUSED_MOST)));
                }
            }
            Err(StatusRefused::Gone | StatusRefused::Invalid) => {}
        }
        self.queue.done(key);
        landed
    }

    /// The API server is not well, and may have said for how long it is to be left alone.
    fn write_again(&mut self, key: &Key, retry_after: Option<Duration>, now: Timestamp) {
        let asked = retry_after.and_then(|it| SignedDuration::try_from(it).ok());
        if let Some(object) = self.state.object_mut(key) {
            object.work.unwritten = object.work.unwritten.saturating_add(1);
            let class = RetryClass::ApiServer(asked);
            let delay = delay(class, object.work.unwritten, None, &object.meta.uid);
            self.queue.wake_by(key, later(now, delay));
        }
    }
}

impl NewStatus {
    pub(in super::super) fn keep(self, object: &mut Object) {
        match (self, &mut object.detail) {
            (Self::Credential(status), Detail::Credential(it)) => it.status = *status,
            (Self::Request(status), Detail::Request(it)) => it.status = *status,
            _ => {}
        }
    }
}
