//! The operator: parse, call, exit.
fn main() {}
