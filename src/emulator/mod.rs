//! The authentication service in a box, for demo, tests and development.
