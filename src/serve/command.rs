//! `hullo serve`: its start, its end, and what it prints.

use std::io;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use rustix::system::uname;

use super::Greeting;
use super::access_log::AccessLog;
use super::admin::{self, Subject};
use super::arguments::{Arguments, print_config};
use super::config::Config;
use super::control::{self, Admin, Control, Setup};
use super::handover::Predecessor;
use super::inherited::{self, Inherited};
use super::listeners::{self, Opened};
use super::origin::Origin;
use super::successor::Program;
use super::supervisor::{self, Supervisor};
use crate::http::observed;
use crate::server::{Place, Server, ServerHandle, raise_open_file_limit};
use crate::terminal::{Lines, note};

/// How long the process waits at its end for a stream that does not accept its last lines.
const LAST_LINES_TIME: Duration = Duration::from_millis(500);

/// The exit code when the server has ended before all requests were answered.
const CUT: u8 = 3;

/// Serves until a signal ends it. Exit code 0: all were answered; 1: it could not serve; 2: a variable is
/// wrong; 3: some were cut.
pub(crate) fn serve(arguments: &Arguments) -> ExitCode {
    if arguments.print_config {
        return print_config(&arguments.flags, |config| origin(config).map(|_| ()));
    }
    // While this is the only thread: it changes the environment.
    let given = inherited::from_supervisor();
    let program = Program::of_this_process();
    let (predecessor, handed_on) = match Predecessor::of_this_process() {
        Ok(Some((predecessor, handed_on))) => (Some(predecessor), handed_on),
        Ok(None) => (None, Vec::new()),
        Err(sentence) => {
            note("hullo", sentence);
            return ExitCode::FAILURE;
        }
    };
    let configured = arguments
        .flags
        .config(|name| std::env::var_os(name))
        .and_then(|config| {
            let inherited = given?.into_iter().chain(handed_on).collect();
            Ok((origin(&config)?, config, inherited))
        });
    match configured {
        Ok((origin, config, inherited)) => {
            let start = Start {
                config,
                origin,
                inherited,
                program,
                predecessor,
            };
            start.run()
        }
        Err(sentence) => {
            note("hullo", &sentence);
            if let Some(predecessor) = predecessor {
                predecessor.failed(&sentence);
            }
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

/// All that a server is started with.
struct Start {
    config: Config,
    origin: Option<Origin>,
    inherited: Vec<Inherited>,
    program: Option<Program>,
    predecessor: Option<Predecessor>,
}

impl Start {
    fn run(mut self) -> ExitCode {
        // A reader of our output may have closed it or stopped reading. A thread for each stream writes
        // its lines, so that only that thread waits.
        let (stdout, stderr) = match (Lines::to(io::stdout()), Lines::to(io::stderr())) {
            (Ok(stdout), Ok(stderr)) => (stdout, stderr),
            (Err(error), _) | (_, Err(error)) => {
                note("hullo", format!("cannot start a thread: {error}"));
                return ExitCode::FAILURE;
            }
        };
        let started = self.serve(&stdout, &stderr);
        if let (Err(sentence), Some(predecessor)) = (&started, self.predecessor) {
            predecessor.failed(sentence);
        }
        let served = started.and_then(Serving::wait);
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

    /// Starts the server, and tells all who wait for it. An error is a sentence that says what to do next.
    fn serve(&mut self, stdout: &Lines, stderr: &Lines) -> Result<Serving, String> {
        raise_open_file_limit();
        let log = AccessLog::of(&self.config.access_log, stderr)?;
        let log_file = log.as_ref().and_then(AccessLog::file);
        // Before the server starts, so that an early signal ends it too instead of killing it.
        let signals = control::signals(log_file.is_some())
            .map_err(|error| format!("cannot handle signals: {error}"))?;
        let workers = self.config.options.workers.get();
        let workers = format!("{workers} worker{}", if workers == 1 { "" } else { "s" });
        let opened = listeners::open(&self.config, &mut self.inherited)?;
        let Opened {
            mut server,
            names,
            keys,
        } = opened;
        let admin = self.config.admin;
        let admin = admin.map(|address| listeners::open_admin(address, &mut self.inherited));
        let admin = admin.transpose()?;
        if admin.is_some() {
            server = server.measure_times().reserve_files(admin::FILES_MAX);
        }
        let no_thread =
            |error| format!("cannot start {workers}: {error}; try fewer with --workers");
        let notices = stderr.clone();
        let server = server.on_notice(move |notice| notices.put(format!("hullo: {notice}")));
        let running = start(server, self.origin.as_ref(), log.as_ref()).map_err(no_thread)?;
        let start_admin = |(admin, key)| {
            let admin = start_admin(admin, &running, log.as_ref(), &names, stderr)?;
            Ok::<_, String>((admin, key))
        };
        let admin = admin.map(start_admin).transpose()?;
        let status = format!("{workers} on {}", names.join(", "));
        let supervisor = Supervisor::start().map_err(no_thread)?;
        let setup = Setup {
            keys,
            program: self.program.take(),
            log_file,
            admin: admin.as_ref().map(control_of),
            status: status.clone(),
            stderr: stderr.clone(),
            supervisor: supervisor.clone(),
        };
        Control::start(&running, signals, &self.config, setup).map_err(no_thread)?;
        supervisor::feed_watchdog(running.health_handle(), stderr.clone()).map_err(no_thread)?;
        let admin = admin.map(|(admin, _)| admin);
        let seed = self.origin.as_ref().map_or(String::new(), |origin| {
            format!(", test endpoints with --seed {}", origin.seed())
        });
        for name in names {
            stdout.put(format!("listening on {name} ({workers}{seed})"));
        }
        self.is_ready(admin.as_ref(), stdout, &supervisor, &status);
        Ok(Serving {
            running,
            log,
            _admin: admin,
        })
    }

    /// Says that all listeners are answered.
    fn is_ready(
        &mut self,
        admin: Option<&ServerHandle>,
        stdout: &Lines,
        supervisor: &Supervisor,
        status: &str,
    ) {
        if let Some(admin) = admin {
            stdout.put(format!("admin on http://{}", admin.local_addr()));
        }
        match self.predecessor.take() {
            // It tells the service manager which process is the service now.
            Some(predecessor) => predecessor.ready(),
            None => supervisor.ready(status),
        }
    }
}

/// What [`Control`] does with the admin listener.
fn control_of((admin, key): &(ServerHandle, String)) -> Admin {
    Admin {
        key: key.clone(),
        listeners: admin.listeners_handle(),
        shutdown_handle: admin.shutdown_handle(),
        stats: admin.stats_handle(),
    }
}

/// A server that runs, and what goes with it.
struct Serving {
    running: ServerHandle,
    log: Option<AccessLog>,
    /// Until the process ends: during a drain as well.
    _admin: Option<ServerHandle>,
}

impl Serving {
    /// Waits for the end, and returns how many connections were cut.
    fn wait(self) -> Result<u64, String> {
        let stats = self.running.stats_handle();
        let ended = self.running.wait();
        if let Some(log) = &self.log {
            log.finish();
        }
        ended.map_err(|error| format!("an event loop failed: {error}"))?;
        Ok(stats.read().iter().map(|worker| worker.closed_cut).sum())
    }
}

/// Serves what operators ask for, until the handle is dropped.
fn start_admin(
    server: Server,
    running: &ServerHandle,
    log: Option<&AccessLog>,
    names: &[String],
    stderr: &Lines,
) -> Result<ServerHandle, String> {
    let notices = stderr.clone();
    let server = server.on_notice(move |notice| notices.put(format!("hullo: admin: {notice}")));
    let subject = Subject {
        stats: running.stats_handle(),
        health: running.health_handle(),
        addresses: names.to_vec(),
        hostname: hostname(),
        access_log: log.map(AccessLog::handle),
    };
    admin::start(server, subject)
        .map_err(|error| format!("cannot start the admin listener: {error}"))
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
