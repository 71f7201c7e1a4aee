//! `rocketlawyer-operator`: issues and renews Rocket Lawyer API tokens inside Kubernetes.
//!
//! The modules in reading order. The first line of each says which question it answers.

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
