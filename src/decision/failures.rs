//! What is failing for one object? Each step by itself, so that trouble with the API server does not hide a refusal of the
//! service, nor the other way round. Pure.

use std::cmp::Reverse;

use super::{FailedStep, Failure};
use crate::api::Reason;

/// The failures of one object, at most one of each step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failures(Vec<Failure>);

impl Failures {
    /// An attempt of this step failed, once more or for the first time.
    pub fn note(&mut self, failure: Failure) {
        self.forgive(&[failure.step]);
        self.0.push(failure);
    }

    /// Attempts of these steps succeeded. Returns whether any had failed.
    pub fn forgive(&mut self, steps: &[FailedStep]) -> bool {
        let before = self.0.len();
        self.0.retain(|failure| !steps.contains(&failure.step));
        self.0.len() < before
    }

    /// When this step is tried again, the endpoint's gate alone decides.
    pub fn leave_to_the_gate(&mut self, step: FailedStep) {
        for failure in self.0.iter_mut().filter(|it| it.step == step) {
            failure.next_attempt = None;
        }
    }

    /// What these steps failed for is no more: they are tried again at once.
    pub fn forgive_for(&mut self, reason: Reason, steps: &[FailedStep]) {
        self.0.retain(|failure| failure.reason != reason || !steps.contains(&failure.step));
    }

    /// How this step failed last.
    #[must_use]
    pub fn of(&self, step: FailedStep) -> Option<&Failure> {
        self.0.iter().find(|failure| failure.step == step)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Failure> {
        self.0.iter()
    }

    /// What an earlier process saw fail depended on this.
    pub fn adopt_inherited(&mut self, stamp: u64) {
        for failure in self.0.iter_mut().filter(|it| it.stamp == Failure::INHERITED) {
            failure.stamp = stamp;
        }
    }

    /// What an earlier process saw fail counts no longer.
    pub fn drop_inherited(&mut self) {
        self.0.retain(|failure| failure.stamp != Failure::INHERITED);
    }
}

impl FromIterator<Failure> for Failures {
    fn from_iter<T: IntoIterator<Item = Failure>>(failures: T) -> Self {
        Self(failures.into_iter().collect())
    }
}

/// The API server may fail to answer so often before an object says so: a restart of it is nobody's news.
const HICCUPS: u32 = 3;

impl Failure {
    /// Whether the object says so.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.reason != Reason::Pending || self.step == FailedStep::Internal || self.count >= HICCUPS
    }

    /// Of several failures the greatest is told: one that needs a person, then the oldest.
    pub(super) fn weight(&self) -> impl Ord + use<> {
        (self.needs_a_person(), Reverse(self.since), Reverse(self.step.as_str()))
    }
}
