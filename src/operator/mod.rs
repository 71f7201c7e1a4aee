//! The loop: what runs next, under which permit, and where its outcome goes. One loop runs both kinds.
//!
//! In reading order: [`options`], `observe` (watch → memory), [`queue`], [`gate`], [`reads`], [`slots`] and [`rights`] (pure), `decide` (pure), `effect`
//! (the outside), `want` (what is made of a Secret that was read), `apply` (outcome → memory, pure), `turns` (one after the other, pure), `run`. Beside them
//! `journal` (what the loop was told, at level trace) and `replay` (what tests hold that against).

mod apply;
mod decide;
mod effect;
pub mod gate;
#[doc(hidden)]
pub mod journal;
#[cfg(test)]
mod model;
mod observe;
mod offers;
pub mod options;
pub mod queue;
pub mod reads;
#[doc(hidden)]
pub mod replay;
mod report;
pub mod rights;
mod run;
mod settled;
pub mod slots;
mod turns;
mod want;

pub use options::Options;
pub use run::{StartError, run};
