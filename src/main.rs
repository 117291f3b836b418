#![forbid(unsafe_code)]
//! Arguments -> a command -> an exit code: 0 when it was done, 1 when it could not be, 2 when the
//! arguments are at fault. `bench` has more.

mod cli;
mod serve;

use std::process::ExitCode;

use hullo::terminal::note;

fn main() -> ExitCode {
    // A race starts this program again to look after each of its servers.
    if let Some(code) = hullo::race::guard() {
        return code;
    }
    match cli::Cli::read().job() {
        cli::Job::Serve(options) => serve::run(options.options()).unwrap_or_else(|sentence| {
            note("hullo", sentence);
            ExitCode::FAILURE
        }),
        cli::Job::Bench(options) => hullo::load::bench(&options),
        cli::Job::Race(options) => hullo::race::race(&options),
    }
}
