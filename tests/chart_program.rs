//! Until `tests/promises.rs` holds this module.
mod chart;
