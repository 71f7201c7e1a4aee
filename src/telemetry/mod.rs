//! What people see of the running process: logs, metrics, health.
