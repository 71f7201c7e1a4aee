//! What does the API server refuse, and with which sentence? Every admission rule of both kinds, by name.
//!
//! Each rule is CEL that the server runs (`x-kubernetes-validations`), beside the field it guards; its message says
//! what to write instead. Every text, list and map has a bound, or the server would refuse the rule as too dear.
//! A status update is judged by the same rules: none may turn false while the spec stays as it is.

mod bounded;
mod immutable;
mod value;
mod whole;

pub(super) use bounded::*;
pub(super) use immutable::*;
pub(super) use value::*;
pub(super) use whole::*;
