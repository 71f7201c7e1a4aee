//! What `cluster` promises, against a real API server: each write and its refusals, each look, each stream.

#![expect(clippy::expect_used, reason = "a test says what it expected")]
#![expect(
    unreachable_pub,
    reason = "nothing of a test program can be reached from outside"
)]

mod events;
mod logins;
mod owners;
mod secret_writes;
mod statuses;
mod watches;
mod world;
