//! `rocketlawyer-operator`: issues and renews Rocket Lawyer API tokens inside Kubernetes.
//!
//! The modules in reading order. The first line of each says which question it answers.

pub mod api;
pub mod token;
pub mod decision;
pub mod state;
pub mod credential;
pub mod scoped_token;
pub mod auth;
pub mod cluster;
pub mod operator;
pub mod telemetry;
pub mod emulator;
pub mod clock;
