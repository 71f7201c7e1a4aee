//! The authentication service: what is sent, what comes back, and what an answer means. Knows no Kubernetes.
