//! Where does this operator look? Every namespace, or a list of them.

use std::sync::Arc;

/// The namespaces that an operator works in (`--namespaces`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every one, those to come included.
    AllNamespaces,
    /// These only.
    Namespaces(Vec<Arc<str>>),
}

impl Scope {
    /// What to list and watch for it: one collection of the whole cluster (`None`), or one per namespace.
    #[must_use]
    pub fn collections(&self) -> Vec<Option<Arc<str>>> {
        match self {
            Self::AllNamespaces => vec![None],
            Self::Namespaces(names) => names.iter().cloned().map(Some).collect(),
        }
    }
}
