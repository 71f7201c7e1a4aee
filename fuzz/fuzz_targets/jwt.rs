//! Runs [`targets::jwt`] on whatever the fuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::jwt(bytes));
