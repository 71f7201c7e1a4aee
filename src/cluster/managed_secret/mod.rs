//! How does a managed Secret look on the wire, and what does one that is there say? Pure: bytes in, plain data out.

mod content;
mod fits;
mod manifest;
mod record;
mod stored;

pub(crate) use fits::differs;
pub(super) use manifest::written;
pub use manifest::{Draft, Manifest, Over, OwnedBy, manifest};
pub(super) use record::kept;
pub use stored::StoredSecret;
pub(super) use stored::seen_from_metadata;

#[cfg(test)]
mod tests;
