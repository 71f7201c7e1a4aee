//! Kubernetes: clients, watches, and the few kinds of write. Knows no authentication.
