//! Until `tests/promises.rs` holds these modules.
mod admission;
mod examples;
