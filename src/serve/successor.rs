//! The process that takes the place of this one: how it is started, and what becomes of it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::handover::{Handover, VARIABLE};

/// How long a process may take to end that closed its end of the handover.
const END_WITHIN: Duration = Duration::from_millis(500);

/// The same for one that has said why it fails: its last lines may take a second.
const SAID_END_WITHIN: Duration = Duration::from_secs(2);

/// How this process was started.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

/// Variables of the supervisor which name this process, or its descriptors.
const OWN_VARIABLES: [&str; 4] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"];

impl Program {
    /// To be asked when the process starts: later, the file at its path may be another one, and that is the
    /// one to start then. `None`: the system does not say.
    pub(super) fn of_this_process() -> Option<Self> {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let name = Path::new(arguments.first()?);
        // The name as it was given may be a symbolic link, which will point to a new version.
        let path = if name.components().count() > 1 {
            std::path::absolute(name).ok().filter(|path| path.is_file())
        } else {
            in_search_path(name)
        };
        let path = path.or_else(|| std::env::current_exe().ok())?;
        Some(Self { path, arguments })
    }

    /// Starts it, and hands the sockets on to it.
    ///
    /// # Errors
    ///
    /// A sentence.
    pub(super) fn start(&self, listeners: &[(String, Vec<OwnedFd>)]) -> Result<Successor, String> {
        let (handover, standard_input) =
            Handover::new().map_err(|error| format!("cannot make a socket: {error}"))?;
        let mut command = Command::new(&self.path);
        if let Some((name, arguments)) = self.arguments.split_first() {
            command.arg0(name).args(arguments);
        }
        for variable in OWN_VARIABLES {
            command.env_remove(variable);
        }
        let started = command.env(VARIABLE, "1").stdin(standard_input).spawn();
        // The command has the other end of the handover: a process that ends has to end it.
        drop(command);
        let process =
            started.map_err(|error| format!("cannot start {}: {error}", self.path.display()))?;
        let mut successor = Successor { process, handover };
        match successor.handover.send(listeners) {
            Ok(()) => Ok(successor),
            // It has ended already: see `wait_ready`.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(successor),
            Err(error) => {
                Err(successor.give_up(&format!("it takes no sockets: {error}"), END_WITHIN))
            }
        }
    }
}

/// Where the shell has found a program, if it is this one.
fn in_search_path(name: &Path) -> Option<PathBuf> {
    let own = std::fs::metadata("/proc/self/exe").ok()?;
    let folders = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&folders).map(|folder| folder.join(name));
    files.find(|file| {
        let file = std::fs::metadata(file);
        file.is_ok_and(|file| (file.dev(), file.ino()) == (own.dev(), own.ino()))
    })
}

/// A process that was started to take over.
#[derive(Debug)]
pub(super) struct Successor {
    process: Child,
    handover: Handover,
}

impl Successor {
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it serves.
    ///
    /// # Errors
    ///
    /// A sentence that says why it does not. It has ended then.
    pub(super) fn wait_ready(mut self, within: Duration) -> Result<(), String> {
        let start = Instant::now();
        match self.handover.wait_ready(start + within) {
            Ok(()) => Ok(()),
            Err(Some(why)) => {
                // It ends by itself, unless something holds it up.
                self.end(SAID_END_WITHIN);
                Err(why)
            }
            Err(None) if start.elapsed() >= within => {
                let sentence = format!("it was not ready within {within:?}");
                Err(self.give_up(&sentence, Duration::ZERO))
            }
            // One that ends has closed its end of the handover just before.
            Err(None) => Err(self.give_up("it did not say that it is ready", END_WITHIN)),
        }
    }

    /// Makes sure that it ends, and says what it came to.
    fn give_up(&mut self, sentence: &str, patience: Duration) -> String {
        let end = self.end(patience);
        format!("process {} {end}: {sentence}", self.id())
    }

    /// Waits for its end so long, then kills it, and says how it ended.
    fn end(&mut self, patience: Duration) -> String {
        if let Ok(Some(status)) = wait(&mut self.process, patience) {
            return describe(status);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        "was killed".to_owned()
    }
}

/// Waits for the end of a process, at most for `time`.
fn wait(process: &mut Child, time: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        let status = process.try_wait()?;
        if status.is_some() || start.elapsed() >= time {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
