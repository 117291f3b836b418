#![forbid(unsafe_code)]
//! Arguments -> a job -> an exit code: 0 when it was done, 1 when it could not be, 2 when the
//! arguments are at fault. `bench` has one more.

mod cli;

use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;

use hullo::Greeting;
use hullo::server::{Options, Running, Server, raise_open_file_limit};
use hullo::terminal::note;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

fn main() -> ExitCode {
    // A race starts this program again to look after each of its servers.
    if let Some(code) = hullo::race::guard() {
        return code;
    }
    let done = match cli::Cli::read().job() {
        cli::Job::Serve(serve) => run(serve.options()),
        cli::Job::Bench(options) => return hullo::load::bench(&options),
        cli::Job::Race(options) => return hullo::race::race(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            note("hullo", sentence);
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), String> {
    raise_open_file_limit();
    let (address, workers) = (options.address, options.workers.get());
    let server = Server::bind(options).map_err(|error| cannot_listen(address, &error))?;
    // From here on a signal is a wish to stop, also before the first turn.
    let signals = Signals::new([SIGTERM, SIGINT])
        .map_err(|error| format!("cannot wait for signals: {error}"))?;
    let running = server.start(Greeting).map_err(|error| {
        format!("cannot start {workers} workers: {error}; try fewer with --workers 1")
    })?;
    stop_on_signal(signals, &running);
    let plural = if workers == 1 { "" } else { "s" };
    // Whoever started us may have closed our stdout: that is no reason not to serve.
    let mut stdout = io::stdout().lock();
    let _ = writeln!(
        stdout,
        "listening on http://{} ({workers} worker{plural})",
        running.address()
    );
    let _ = stdout.flush();
    drop(stdout);
    running
        .wait()
        .map_err(|error| format!("an event loop failed: {error}"))
}

fn stop_on_signal(mut signals: Signals, running: &Running) {
    let stopper = running.stopper();
    thread::spawn(move || {
        for _ in signals.forever() {
            stopper.stop();
        }
    });
}

/// What went wrong, and what to type next.
fn cannot_listen(address: SocketAddr, error: &io::Error) -> String {
    let (host, port) = (address.ip(), address.port());
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} is taken: find its owner with ss -ltnp 'sport = :{port}', or take a free one with --port 0"
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{host} is no address of this machine: ip addr lists them, and --host 127.0.0.1 is always one"
        ),
        ErrorKind::PermissionDenied => format!(
            "port {port} needs a privilege that this user does not have: take one above 1023, such as --port 8080"
        ),
        _ => format!("cannot listen on {address}: {error}"),
    }
}
