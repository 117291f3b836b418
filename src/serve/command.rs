//! `hullo serve`: what it prints, and the signals that end it.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::system::uname;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::Greeting;
use super::access_log::{self, AccessLog};
use super::admin::{self, Subject};
use super::arguments::{Arguments, print_config};
use super::config::Config;
use super::origin::Origin;
use crate::http::observed;
use crate::server::{Place, Server, ServerHandle, raise_open_file_limit};
use crate::signals::{Asked, Requests, hangup};
use crate::terminal::{Lines, note};

/// How long the process waits at its end for a stream that does not accept its last lines.
const LAST_LINES_TIME: Duration = Duration::from_millis(500);

/// The exit code when the server has ended before all requests were answered.
const CUT: u8 = 3;

/// Serves until a signal ends it. Exit code 0: all were answered; 1: it could not serve; 2: a variable is
/// wrong; 3: some were cut.
pub(crate) fn serve(arguments: &Arguments) -> ExitCode {
    if arguments.print_config {
        return print_config(&arguments.flags);
    }
    let config = arguments.flags.config(|name| std::env::var_os(name));
    let configured = config.and_then(|config| Ok((origin(&config)?, config)));
    match configured {
        Ok((origin, config)) => run(config, origin.as_ref()),
        Err(sentence) => {
            note("hullo", sentence);
            ExitCode::from(2)
        }
    }
}

/// The handler of the test endpoints, if there are any. An error is a sentence.
fn origin(config: &Config) -> Result<Option<Origin>, String> {
    let settings = &config.origin;
    if !settings.is_on && !settings.defaults.is_empty() {
        return Err("--test-defaults is for --test-endpoints: give both".to_owned());
    }
    // The time is not the same in any two runs; few digits are easy to type.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let seed = now.map_or(0, |time| time.as_nanos() as u64 / 1000 % 1_000_000_000);
    let origin = settings
        .is_on
        .then(|| Origin::new(settings, seed, hostname()));
    origin.transpose()
}

fn run(config: Config, origin: Option<&Origin>) -> ExitCode {
    // A reader of our output may have closed it or stopped reading. A thread for each stream writes
    // its lines, so that only that thread waits.
    let (stdout, stderr) = match (Lines::to(io::stdout()), Lines::to(io::stderr())) {
        (Ok(stdout), Ok(stderr)) => (stdout, stderr),
        (Err(error), _) | (_, Err(error)) => {
            note("hullo", format!("cannot start a thread: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let served = until_ended(config, origin, &stdout, &stderr);
    match &served {
        Ok(0) => {}
        Ok(1) => stderr.put("hullo: 1 connection was cut before its last response".to_owned()),
        Ok(cut) => stderr.put(format!(
            "hullo: {cut} connections were cut before their last response"
        )),
        Err(sentence) => stderr.put(format!("hullo: {sentence}")),
    }
    stdout.finish(LAST_LINES_TIME);
    stderr.finish(LAST_LINES_TIME);
    match served {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(CUT),
        Err(_) => ExitCode::FAILURE,
    }
}

/// Returns how many connections were cut. An error is a sentence that says what to do next.
fn until_ended(
    config: Config,
    origin: Option<&Origin>,
    stdout: &Lines,
    stderr: &Lines,
) -> Result<u64, String> {
    raise_open_file_limit();
    let Config {
        options,
        admin,
        drain_delay,
        grace,
        access_log,
        ..
    } = config;
    // Before the server starts, so that an early signal ends it too instead of killing it.
    let others = [SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2];
    let log = AccessLog::of(&access_log, stderr)?;
    let log_file = log.as_ref().and_then(AccessLog::file);
    let hangup = log_file.as_ref().map_or_else(hangup, |_| Some(SIGHUP));
    let signals = Signals::new(hangup.into_iter().chain(others))
        .map_err(|error| format!("cannot handle signals: {error}"))?;
    let (address, workers) = (options.address, options.workers.get());
    let workers = format!("{workers} worker{}", if workers == 1 { "" } else { "s" });
    let mut server = Server::bind(options).map_err(|error| cannot_listen(address, &error))?;
    let admin = admin.map(bind_admin).transpose()?;
    if admin.is_some() {
        server = server.measure_times().reserve_files(admin::FILES_MAX);
    }
    let no_thread = |error| format!("cannot start {workers}: {error}; try fewer with --workers");
    let notices = stderr.clone();
    let server = server.on_notice(move |notice| notices.put(format!("hullo: {notice}")));
    let running = start(server, origin, log.as_ref()).map_err(no_thread)?;
    let (stats, lines) = (running.stats_handle(), stderr.clone());
    end_on_signal(signals, &running, drain_delay, grace, log_file, lines).map_err(no_thread)?;
    let address = running.local_addr();
    let seed = origin.map_or(String::new(), |origin| {
        format!(", test endpoints with --seed {}", origin.seed())
    });
    stdout.put(format!("listening on http://{address} ({workers}{seed})"));
    // Until the process ends: during a drain as well.
    let _admin = admin
        .map(|admin| start_admin(admin, &running, log.as_ref(), stdout, stderr))
        .transpose()?;
    let ended = running.wait();
    if let Some(log) = &log {
        log.finish();
    }
    ended.map_err(|error| format!("an event loop failed: {error}"))?;
    Ok(stats.read().iter().map(|worker| worker.closed_cut).sum())
}

fn bind_admin(address: SocketAddr) -> Result<Server, String> {
    admin::bind(address)
        .map_err(|error| format!("--admin {address}: {}", cannot_listen(address, &error)))
}

/// Serves what operators ask for, until the handle is dropped.
fn start_admin(
    server: Server,
    running: &ServerHandle,
    log: Option<&AccessLog>,
    stdout: &Lines,
    stderr: &Lines,
) -> Result<ServerHandle, String> {
    let notices = stderr.clone();
    let server = server.on_notice(move |notice| notices.put(format!("hullo: admin: {notice}")));
    let subject = Subject {
        stats: running.stats_handle(),
        health: running.health_handle(),
        addresses: vec![format!("http://{}", running.local_addr())],
        hostname: hostname(),
        access_log: log.map(AccessLog::handle),
    };
    let admin = admin::start(server, subject)
        .map_err(|error| format!("cannot start the admin listener: {error}"))?;
    stdout.put(format!("admin on http://{}", admin.local_addr()));
    Ok(admin)
}

fn hostname() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// The greeting is a handler of its own type, so that it pays nothing for the test endpoints and the
/// access log.
fn start(
    server: Server,
    origin: Option<&Origin>,
    log: Option<&AccessLog>,
) -> io::Result<ServerHandle> {
    let of_origin = |origin: &Origin, place: Place| origin.for_worker(place.worker as u64);
    match (origin, log) {
        (None, None) => server.start(Greeting),
        (None, Some(log)) => server.start_with(|_| observed(Greeting, log.observer())),
        (Some(origin), None) => server.start_with(|place| of_origin(origin, place)),
        (Some(origin), Some(log)) => {
            server.start_with(|place| observed(of_origin(origin, place), log.observer()))
        }
    }
}

/// Drains at the first signal, and stops at a second one; `SIGHUP` reopens the access log, if it is a file.
fn end_on_signal(
    mut signals: Signals,
    running: &ServerHandle,
    drain_delay: Duration,
    grace: Duration,
    log_file: Option<access_log::Handle>,
    stderr: Lines,
) -> io::Result<()> {
    let shutdown_handle = running.shutdown_handle();
    let thread = thread::Builder::new().name("hullo-signals".to_owned());
    thread.spawn(move || {
        let mut requests = Requests::default();
        for signal in signals.forever() {
            // Other servers reopen their logs or restart at these; hullo ignores them.
            if [SIGUSR1, SIGUSR2].contains(&signal) {
                continue;
            }
            if signal == SIGHUP
                && let Some(log) = &log_file
            {
                log.reopen();
                continue;
            }
            match requests.on_signal(Instant::now()) {
                Asked::First => {
                    stderr.put(draining(drain_delay, grace));
                    shutdown_handle.drain(drain_delay, grace);
                }
                Asked::Same => {}
                Asked::Again => shutdown_handle.stop(),
            }
        }
    })?;
    Ok(())
}

/// What the operator reads when a drain begins.
fn draining(delay: Duration, grace: Duration) -> String {
    let delay = if delay.is_zero() {
        String::new()
    } else {
        format!("accepting for {delay:?} more, then ")
    };
    format!(
        "hullo: draining: {delay}answering for at most {grace:?}; a second signal stops at once"
    )
}

/// What went wrong, and what to type next.
fn cannot_listen(address: SocketAddr, error: &io::Error) -> String {
    let (host, port) = (address.ip(), address.port());
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} is taken: find its owner with ss -ltnp 'sport = :{port}', or use a free port with --port 0"
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{host} is not an address of this machine: list its addresses with ip addr, or use --host 127.0.0.1"
        ),
        ErrorKind::PermissionDenied => format!(
            "port {port} needs a privilege that this user does not have: use a port above 1023, such as --port 8080"
        ),
        // The flags are in range one by one, but each worker needs its share of the memory.
        ErrorKind::InvalidInput if error.raw_os_error().is_none() => {
            format!("{error}; try a larger --max-buffered-bytes or fewer --workers")
        }
        ErrorKind::Other => error.to_string(),
        _ => format!("cannot listen on {address}: {error}"),
    }
}
