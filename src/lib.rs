//! `rocketlawyer-operator`: issues and renews Rocket Lawyer API tokens inside Kubernetes.
//!
//! To be read in this order; the first line of each says which question it answers: `api` (the two kinds), `token` (what holds a
//! secret), `decision` (must a token be replaced?), `state` (what is known), `credential` and `scoped_token` (what is particular to
//! each kind), `auth` and `cluster` (the two servers), `operator` (how it all runs), `telemetry`, `clock` and `process`, `emulator`.

pub mod api;
pub mod auth;
pub mod clock;
pub mod cluster;
pub mod credential;
pub mod decision;
pub mod emulator;
pub mod operator;
pub mod process;
pub mod scoped_token;
pub mod state;
pub mod telemetry;
pub mod token;
