//! Does the control plane work, and is it gone when its user is? Starts real ones.
