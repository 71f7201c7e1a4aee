//! The types that hold a secret, and their two ways out. Nothing else may see inside them.
