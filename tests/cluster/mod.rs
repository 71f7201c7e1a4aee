//! What `cluster` promises, against a real API server: each write and its refusals, each look, each stream.

mod events;
mod logins;
mod owners;
mod secret_writes;
mod statuses;
mod watches;
mod world;
