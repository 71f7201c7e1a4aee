//! The two kinds, their conditions and reasons, and every label, annotation and key name, once.
