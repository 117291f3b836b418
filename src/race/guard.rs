//! A process of this program between the race and a server. As a subreaper it becomes the parent of every
//! descendant that has lost its own, reaps each of them, so that their CPU time is counted, and ends with
//! the last. When its standard input is closed, as it also is when the race dies, it kills all of them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::machine::{Pinned, parse_cores, show};
use super::process_tree;

/// This program, even if its file was replaced since it was started.
pub(super) const THIS: &str = "/proc/self/exe";

/// The first argument of a guard.
const WORD: &str = "race-guard";

/// How long it kills without a pause, to hit a process that forks and ends between two forks.
const EAGER: Duration = Duration::from_secs(1);
/// The pause after that.
const KILL_AGAIN: Duration = Duration::from_millis(2);
/// What is still alive then cannot be killed by this user.
const KILL_MAX: Duration = Duration::from_secs(5);

/// As in a shell: the exit code of a process that a signal ended, minus the signal.
const SIGNAL_BASE: i32 = 128;
/// As in a shell: the program could not be started.
const NOT_STARTED: u8 = 127;

/// A command that runs a program on these cores, below a guard in a process group of its own. Arguments,
/// environment and output can be set; the input is the guard's.
pub(super) fn command(program: impl AsRef<OsStr>, cores: &[usize]) -> Command {
    let mut command = Command::new(THIS);
    command
        .arg0("hullo")
        .args([WORD, &show(cores)])
        .arg(program)
        .stdin(Stdio::piped())
        .process_group(0);
    command
}

/// Makes a guard kill its descendants. The caller waits for it.
pub(super) fn end(guard: &mut Child) {
    drop(guard.stdin.take());
}

/// How the program below a guard ended, from the guard's own status.
pub(super) fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) if code > SIGNAL_BASE => format!("signal: {}", code - SIGNAL_BASE),
        _ => status.to_string(),
    }
}

/// Runs as a guard, if the arguments of this process say so.
#[doc(hidden)]
#[must_use]
pub(crate) fn guard() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    if words.next()? != WORD {
        return None;
    }
    let (cores, program) = (words.next()?, words.next()?);
    Some(match run(&cores, &program, words) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            crate::terminal::note("hullo race", format!("{}: {error}", program.display()));
            ExitCode::from(NOT_STARTED)
        }
    })
}

fn run(cores: &OsStr, program: &OsStr, words: impl Iterator<Item = OsString>) -> io::Result<u8> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_child_subreaper(true)?;
    // Not pinned: what it has to kill may use up the cores of the server.
    thread::Builder::new().spawn(kill_at_end_of_input)?;
    let cores = cores.to_str().and_then(|cores| parse_cores(cores).ok());
    // For good: reaping what a server leaves behind is the server's cost.
    let _pinned = Pinned::to(&cores.map(|cores| cores.0).unwrap_or_default());
    let child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        // Not the guard's: a server may send a signal to all of its group.
        .process_group(0)
        .spawn()?;
    Ok(wait_for_all(child.id()))
}

/// Reaps all children, and returns the exit code of the first.
fn wait_for_all(first: u32) -> u8 {
    let first = Pid::from_raw(first.cast_signed());
    let mut code = 0;
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(id, status)) if id == first => code = status,
            Ok(WaitStatus::Signaled(id, signal, _)) if id == first => {
                code = SIGNAL_BASE + signal as i32;
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return u8::try_from(code).unwrap_or(u8::MAX),
        }
    }
}

/// The process ends when its last child has been waited for, and this thread with it.
fn kill_at_end_of_input() {
    loop {
        match io::stdin().read(&mut [0]) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => break,
        }
    }
    let start = Instant::now();
    while start.elapsed() < KILL_MAX {
        for child in children() {
            // It may have ended meanwhile.
            let _ = kill(child, Signal::SIGKILL);
        }
        if start.elapsed() > EAGER {
            sleep(KILL_AGAIN);
        }
    }
    std::process::exit(1);
}

/// The children of this process. Those of a killed child become its own, so these are enough.
fn children() -> Vec<Pid> {
    let mut found = Vec::new();
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    for task in tasks.flatten() {
        let Ok(text) = fs::read_to_string(task.path().join("children")) else {
            // Not every kernel has that list.
            return process_tree::children(std::process::id());
        };
        found.extend(
            text.split_whitespace()
                .filter_map(|id| id.parse::<i32>().ok()),
        );
    }
    found.into_iter().map(Pid::from_raw).collect()
}
