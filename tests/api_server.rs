//! What a real API server makes of our manifests, our calls and our rights. One module per promise.
#![expect(clippy::expect_used, reason = "a test says what it expected")]
#![expect(unreachable_pub, reason = "nothing of a test program can be reached from outside")]

mod admission;
mod chart;
mod cluster;
mod examples;
mod reference;
