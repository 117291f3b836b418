//! What signals make of a server that runs: it drains, stops, or is replaced by another process.

use std::ffi::c_int;
use std::io;
use std::process;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use super::access_log;
use super::config::Config;
use super::successor::Program;
use super::supervisor::Supervisor;
use crate::server::{ListenersHandle, ServerHandle, ShutdownHandle, StatsHandle};
use crate::signals::{Asked, Requests, hangup};
use crate::terminal::Lines;

/// How long the clients of the admin listener may take for their last request.
const ADMIN_WITHIN: Duration = Duration::from_secs(2);

/// Receives the signals from here on, so that an early one ends the server too instead of killing it. `SIGHUP` is among
/// them if it reopens a log, or if it is not ignored.
///
/// # Errors
///
/// Those of sigaction(2).
pub(super) fn signals(reopens_log: bool) -> io::Result<Signals> {
    let others = [SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2];
    let hangup = if reopens_log { Some(SIGHUP) } else { hangup() };
    Signals::new(hangup.into_iter().chain(others))
}

/// What happens to a server that runs.
#[derive(Debug)]
enum Event {
    Signal(c_int),
    /// The process that was to take over serves, or else why it does not.
    Successor(Result<(), String>),
}

/// Whether another process takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replacement {
    None,
    /// This process is not ready yet.
    Starting(u32),
    Done(u32),
}

/// Decides what signals do. It has a thread of its own.
pub(super) struct Control {
    shutdown_handle: ShutdownHandle,
    listeners: ListenersHandle,
    /// What to call the listeners when they are handed on.
    keys: Vec<String>,
    program: Option<Program>,
    /// What `SIGHUP` reopens; without it, that is a signal to end.
    log_file: Option<access_log::Handle>,
    admin: Option<Admin>,
    drain_delay: Duration,
    grace: Duration,
    replace_timeout: Duration,
    /// What the service manager reads while the server runs.
    status: String,
    stderr: Lines,
    supervisor: Supervisor,
    requests: Requests,
    is_stopping: bool,
    replacement: Replacement,
    events: Sender<Event>,
}

impl Control {
    /// Follows the signals until the process ends.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub(super) fn start(
        running: &ServerHandle,
        mut signals: Signals,
        config: &Config,
        setup: Setup,
    ) -> io::Result<()> {
        let (sender, events) = mpsc::channel();
        let control = Self {
            shutdown_handle: running.shutdown_handle(),
            listeners: running.listeners_handle(),
            keys: setup.keys,
            program: setup.program,
            log_file: setup.log_file,
            admin: setup.admin,
            drain_delay: config.drain_delay,
            grace: config.grace,
            replace_timeout: config.replace_timeout,
            status: setup.status,
            stderr: setup.stderr,
            supervisor: setup.supervisor,
            requests: Requests::default(),
            is_stopping: false,
            replacement: Replacement::None,
            events: sender.clone(),
        };
        let thread = thread::Builder::new().name("hullo-control".to_owned());
        thread.spawn(move || control.run(&events))?;
        let thread = thread::Builder::new().name("hullo-signals".to_owned());
        thread.spawn(move || {
            for signal in signals.forever() {
                // The other end lives as long as the process.
                let _ = sender.send(Event::Signal(signal));
            }
        })?;
        Ok(())
    }

    fn run(mut self, events: &Receiver<Event>) {
        for event in events {
            match event {
                Event::Signal(SIGUSR2) => self.replace(),
                // Other servers reopen their logs at this one.
                Event::Signal(SIGUSR1) => {}
                Event::Signal(signal) => match &self.log_file {
                    Some(log) if signal == SIGHUP => log.reopen(),
                    _ => self.end(),
                },
                Event::Successor(Ok(())) => self.hand_over(),
                Event::Successor(Err(why)) => self.go_on(&why),
            }
        }
    }

    fn put(&self, line: &str) {
        self.stderr.put(format!("hullo: {line}"));
    }

    /// Drains at the first signal, and stops at a second one.
    fn end(&mut self) {
        match self.requests.on_signal(Instant::now()) {
            Asked::First => {
                self.is_stopping = true;
                // Who ends the service ends what was to take its place.
                if let Replacement::Starting(process) = self.replacement {
                    self.put(&format!(
                        "process {process} does not take over: it is ended"
                    ));
                    end_process(process);
                }
                let (delay, grace) = (self.drain_delay, self.grace);
                self.put(&draining(delay, grace));
                self.supervisor.stopping("draining");
                self.shutdown_handle.drain(delay, grace);
            }
            Asked::Same => {}
            Asked::Again => self.shutdown_handle.stop(),
        }
    }

    /// Starts another process in place of this one.
    fn replace(&mut self) {
        if let Some(reason) = self.cannot_replace() {
            return self.put(&format!("not replaced: {reason}"));
        }
        self.supervisor
            .reloading("another process is starting in place of this one");
        let started = self.start_successor();
        if let Err(why) = started {
            self.go_on(&why);
        }
    }

    fn cannot_replace(&self) -> Option<String> {
        match self.replacement {
            _ if self.is_stopping => Some("this process is draining".to_owned()),
            Replacement::Starting(other) => Some(format!("process {other} is starting already")),
            Replacement::Done(other) => Some(format!(
                "process {other} has taken over already: signal that one"
            )),
            // When it ends, the kernel ends every process of its container.
            Replacement::None if process::id() == 1 => {
                Some("this is the first process of its container: replace the container".to_owned())
            }
            Replacement::None => None,
        }
    }

    fn start_successor(&mut self) -> Result<(), String> {
        let program = self.program.as_ref();
        let program = program.ok_or("the system does not say how this process was started")?;
        let sockets = self.listeners.sockets();
        let sockets = sockets.map_err(|error| format!("cannot duplicate a socket: {error}"))?;
        let mut listeners: Vec<_> = self.keys.iter().cloned().zip(sockets).collect();
        if let Some(admin) = &self.admin {
            let sockets = admin.listeners.sockets();
            let sockets = sockets.map_err(|error| format!("cannot duplicate a socket: {error}"))?;
            listeners.push((admin.key.clone(), sockets.into_iter().flatten().collect()));
        }
        let successor = program.start(&listeners)?;
        let id = successor.id();
        self.put(&format!(
            "process {id} is starting in place of {}",
            process::id()
        ));
        let (events, within) = (self.events.clone(), self.replace_timeout);
        let thread = thread::Builder::new().name("hullo-replace".to_owned());
        let wait = move || {
            // The other end lives as long as the process.
            let _ = events.send(Event::Successor(successor.wait_ready(within)));
        };
        thread
            .spawn(wait)
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        self.replacement = Replacement::Starting(id);
        Ok(())
    }

    /// The other process serves: this one answers what it has been asked.
    fn hand_over(&mut self) {
        let Replacement::Starting(process) = self.replacement else {
            return;
        };
        self.replacement = Replacement::Done(process);
        if self.is_stopping {
            return;
        }
        self.listeners.leave_files();
        self.supervisor.replaced(process, &self.status);
        self.put(&format!(
            "replaced by process {process}: answering for at most {:?}",
            self.grace
        ));
        if let Some(admin) = &self.admin {
            admin.finish();
        }
        self.shutdown_handle.drain(Duration::ZERO, self.grace);
    }

    /// There is no other process.
    fn go_on(&mut self, why: &str) {
        self.replacement = Replacement::None;
        if self.is_stopping {
            return;
        }
        self.supervisor.ready(&self.status);
        self.put(&format!(
            "not replaced: {why}; process {} goes on",
            process::id()
        ));
    }
}

/// The admin listener, which is handed on as well.
pub(super) struct Admin {
    pub(super) key: String,
    pub(super) listeners: ListenersHandle,
    pub(super) shutdown_handle: ShutdownHandle,
    pub(super) stats: StatsHandle,
}

impl Admin {
    /// Answers those who have connected, before the main server drains: they have to hear that the service is ready,
    /// and the process may end at once then.
    fn finish(&self) {
        let start = Instant::now();
        self.shutdown_handle.drain(Duration::ZERO, ADMIN_WITHIN);
        let is_listening = || {
            let sockets = self.listeners.sockets();
            sockets.is_ok_and(|all| all.iter().any(|sockets| !sockets.is_empty()))
        };
        let has_connections = || self.stats.read().iter().any(|worker| worker.open > 0);
        // The numbers are those of the end of a turn: once more, when the listeners are closed.
        let mut calm = 0;
        while calm < 2 && start.elapsed() < ADMIN_WITHIN {
            thread::sleep(Duration::from_millis(5));
            let is_busy = is_listening() || has_connections();
            calm = if is_busy { 0 } else { calm + 1 };
        }
    }
}

/// What [`Control`] needs besides the server and its configuration.
pub(super) struct Setup {
    pub(super) keys: Vec<String>,
    pub(super) program: Option<Program>,
    pub(super) log_file: Option<access_log::Handle>,
    pub(super) admin: Option<Admin>,
    pub(super) status: String,
    pub(super) stderr: Lines,
    pub(super) supervisor: Supervisor,
}

/// Asks a child of this process to end. It was not waited for, so the number is still its own.
fn end_process(process: u32) {
    // It has ended by itself already, perhaps.
    let _ = kill(Pid::from_raw(process.cast_signed()), Signal::SIGTERM);
}

/// What the operator reads when a drain begins.
fn draining(delay: Duration, grace: Duration) -> String {
    let delay = if delay.is_zero() {
        String::new()
    } else {
        format!("accepting for {delay:?} more, then ")
    };
    format!("draining: {delay}answering for at most {grace:?}; a second signal stops at once")
}
