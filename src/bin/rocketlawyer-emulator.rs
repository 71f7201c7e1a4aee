//! The authentication service in a box: parse, call, exit.
fn main() {}
