#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hullo_fuzz::responses(data));
