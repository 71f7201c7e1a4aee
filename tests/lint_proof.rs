#![allow(dead_code)] // REFUSED missing_docs
use secrecy::ExposeSecret;

// Every line with such a comment must be refused by the lint it names: scripts/lint-proof compares. Built for nothing else.

fn reads_the_clock() {
    let _ = jiff::Timestamp::now(); // REFUSED clippy::disallowed_methods
    let _ = std::time::SystemTime::now(); // REFUSED clippy::disallowed_methods
}

fn opens_a_secret(secret: &secrecy::SecretString) -> usize {
    secret.expose_secret().len() // REFUSED clippy::disallowed_methods
}

fn gives_up(option: Option<u8>, result: Result<u8, u8>) -> u8 {
    option.unwrap() // REFUSED clippy::unwrap_used
        + result.expect("is there") // REFUSED clippy::expect_used
}

fn prints(what: u8) {
    println!("{what}"); // REFUSED clippy::print_stdout
    eprintln!("{what}"); // REFUSED clippy::print_stderr
    dbg!(what); // REFUSED clippy::dbg_macro
}

fn is_not_safe() {
    unsafe {} // REFUSED unsafe_code
}

fn casts(wide: u64) -> u8 {
    wide as u8 // REFUSED clippy::cast_possible_truncation
}

mod inner {
    pub fn hidden() {} // REFUSED unreachable_pub
}
