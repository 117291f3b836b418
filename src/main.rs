#![forbid(unsafe_code)]
//! The `hullo` command: see `cli` in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    hullo::cli::main()
}
