//! The greeting server as a command: what it says, and the signals that it obeys.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::Greeting;
use crate::server::{Options, Server, ServerHandle, raise_open_file_limit};
use crate::signals::hangup;
use crate::terminal::{Lines, note};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

/// How long the end waits for a standard error that takes nothing.
const LAST_LINES_TIME: Duration = Duration::from_millis(500);

/// Serves until a signal ends it.
pub(crate) fn run(options: Options) -> ExitCode {
    // The reader of our output may have left or be stuck. So every line is written by a thread that
    // may wait for it, and nothing else does.
    let (stdout, stderr) = match (Lines::to(io::stdout()), Lines::to(io::stderr())) {
        (Ok(stdout), Ok(stderr)) => (stdout, stderr),
        (Err(error), _) | (_, Err(error)) => {
            note("hullo", format!("cannot start a thread: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let served = serve(options, &stdout, &stderr);
    if let Err(sentence) = &served {
        stderr.put(format!("hullo: {sentence}"));
    }
    stdout.finish(LAST_LINES_TIME);
    stderr.finish(LAST_LINES_TIME);
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// An error is a sentence that says what to do next.
fn serve(options: Options, stdout: &Lines, stderr: &Lines) -> Result<(), String> {
    raise_open_file_limit();
    // From here on a signal is a wish to stop, also before the first turn.
    let others = [SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2];
    let signals = Signals::new(hangup().into_iter().chain(others))
        .map_err(|error| format!("cannot wait for signals: {error}"))?;
    let (address, workers) = (options.address, options.workers.get());
    let server = Server::bind(options).map_err(|error| cannot_listen(address, &error))?;
    let no_thread = |error| {
        let plural = if workers == 1 { "" } else { "s" };
        format!("cannot start {workers} worker{plural}: {error}; try fewer with --workers")
    };
    let notices = stderr.clone();
    let running = server
        .on_notice(move |notice| notices.put(format!("hullo: {notice}")))
        .start(Greeting)
        .map_err(no_thread)?;
    stop_on_signal(signals, &running).map_err(no_thread)?;
    let plural = if workers == 1 { "" } else { "s" };
    stdout.put(format!(
        "listening on http://{} ({workers} worker{plural})",
        running.local_addr()
    ));
    running
        .wait()
        .map_err(|error| format!("an event loop failed: {error}"))
}

fn stop_on_signal(mut signals: Signals, running: &ServerHandle) -> io::Result<()> {
    let shutdown_handle = running.shutdown_handle();
    let thread = thread::Builder::new().name("hullo-signals".to_owned());
    thread.spawn(move || {
        for signal in signals.forever() {
            // Other servers open their logs again at these, or restart; hullo has neither.
            if ![SIGUSR1, SIGUSR2].contains(&signal) {
                shutdown_handle.stop();
            }
        }
    })?;
    Ok(())
}

/// What went wrong, and what to type next.
fn cannot_listen(address: SocketAddr, error: &io::Error) -> String {
    let (host, port) = (address.ip(), address.port());
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} is taken: find its owner with ss -ltnp 'sport = :{port}', or take a free one with --port 0"
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{host} is not an address of this machine: ip addr lists them, and --host 127.0.0.1 is always one"
        ),
        ErrorKind::PermissionDenied => format!(
            "port {port} needs a privilege that this user does not have: take one above 1023, such as --port 8080"
        ),
        ErrorKind::InvalidInput | ErrorKind::Other => error.to_string(),
        _ => format!("cannot listen on {address}: {error}"),
    }
}
