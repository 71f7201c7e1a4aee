//! Runs [`targets::token_answer`] on whatever the fuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::token_answer(bytes));
