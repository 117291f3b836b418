//! A server under race: started on a free port, awaited, and stopped with all its processes.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::connection::Endpoint;
use super::cost::Sample;
use super::host::Host;
use super::readiness::{Unready, first_answer};
use super::server_spec::{Program, ServerSpec, Source};
use super::{guard, output, process_tree};
use crate::tls::Client;

/// How long a server may take to answer after its start.
const START_MAX: Duration = Duration::from_secs(15);
/// How long it may take to end after SIGTERM, before it is killed.
const STOP_MAX: Duration = Duration::from_secs(3);
/// How long the remaining processes may take to end after SIGKILL.
const KILL_MAX: Duration = Duration::from_secs(4);
/// How long its guard may take to notice that it has ended.
const ENDING_MAX: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Below the ports that Linux gives to clients, so that no connection of the load takes one.
const PORT_FIRST: u16 = 21_000;
const PORT_LAST: u16 = 31_999;

/// A server that answers.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) endpoint: Endpoint,
    /// Of its URL.
    pub(super) authority: String,
    /// The value of `Host`.
    pub(super) host: String,
    /// The version of TLS and the cipher suite, such as `TLSv1.3 TLS_AES_128_GCM_SHA256`; none for plain HTTP.
    pub(super) protocol: Option<String>,
    process: Option<Process>,
    /// Its number there, if it runs elsewhere.
    there: Option<(Arc<Host>, u32)>,
}

#[derive(Debug)]
struct Process {
    guard: Child,
    output: File,
}

impl Server {
    /// Starts a server on these cores of its host or of this machine, unless it is already running, and waits
    /// until it answers or `stop` is set.
    pub(super) fn start(
        spec: &ServerSpec,
        host: Option<&Arc<Host>>,
        workers: usize,
        cores: &[usize],
        stop: &AtomicBool,
    ) -> Result<Self, String> {
        let command = match &spec.source {
            Source::Running { address, url } => {
                let mut server = Self::new(*address, spec.tls.clone(), spec.host.as_ref());
                server.authority.clone_from(&url.authority);
                if spec.host.is_none() {
                    server.host.clone_from(&url.authority);
                }
                server.await_answer(&spec.path, stop)?;
                return Ok(server);
            }
            Source::Command(command) => command,
        };
        let program = Program {
            command: command.clone(),
            path: spec.path.clone(),
            host: spec.host.clone(),
            is_https: spec.is_https,
            workers,
            cores: cores.to_vec(),
        };
        match host {
            None => {
                let address = Ipv4Addr::LOCALHOST.into();
                Self::start_here(&program, address, spec.tls.clone(), stop)
            }
            Some(host) => {
                let (id, port) = host.start(&program)?;
                let address = SocketAddr::new(host.address, port);
                let mut server = Self::new(address, spec.tls.clone(), spec.host.as_ref());
                server.there = Some((Arc::clone(host), id));
                // It answers there. What is in the way answers at once, or never.
                server.await_answer(&spec.path, stop)?;
                Ok(server)
            }
        }
    }

    /// Starts a server on this machine, which is to listen at this address.
    pub(super) fn start_here(
        program: &Program,
        address: IpAddr,
        tls: Option<Client>,
        stop: &AtomicBool,
    ) -> Result<Self, String> {
        let port = free_port(address).ok_or("no port is free")?;
        let address = SocketAddr::new(address, port);
        let mut server = Self::new(address, tls, program.host.as_ref());
        let process = spawn(program, address);
        server.process = Some(process.map_err(|error| format!("cannot be started: {error}"))?);
        server.await_answer(&program.path, stop)?;
        Ok(server)
    }

    fn new(address: SocketAddr, tls: Option<Client>, host: Option<&String>) -> Self {
        let authority = address.to_string();
        Self {
            endpoint: Endpoint { address, tls },
            host: host.unwrap_or(&authority).clone(),
            authority,
            protocol: None,
            process: None,
            there: None,
        }
    }

    /// What it has used so far, with these cores; none if the race did not start it.
    pub(super) fn sample(&self, cores: &[usize]) -> Option<Sample> {
        if let Some((host, id)) = &self.there {
            return host.sample(*id, cores);
        }
        let process = self.process.as_ref()?;
        Some(Sample::take(process.guard.id(), cores))
    }

    /// Memory of its processes now, in bytes, where it is known.
    pub(super) fn memory(&self) -> Option<u64> {
        if let Some((host, id)) = &self.there {
            return host.memory(*id);
        }
        process_tree::memory(self.process.as_ref()?.guard.id())
    }

    /// How it ended and what it printed last, if all of its processes have ended.
    pub(super) fn ending(&mut self) -> Option<String> {
        if let Some((host, id)) = &self.there {
            return host.ending(*id);
        }
        let process = self.process.as_mut()?;
        // Its guard ends after it.
        if !process_tree::alive(process.guard.id()).is_empty() || !process.ends_within(ENDING_MAX) {
            return None;
        }
        let status = process.guard.wait().ok()?;
        Some(format!("{}{}", guard::ending(status), process.said()))
    }

    fn await_answer(&mut self, path: &str, stop: &AtomicBool) -> Result<(), String> {
        let start = Instant::now();
        let mut last = String::new();
        let mut is_refused = false;
        while start.elapsed() < START_MAX {
            if stop.load(Ordering::Relaxed) {
                return Err("the race was ended".to_owned());
            }
            if let Some(process) = &mut self.process
                && let Ok(Some(status)) = process.guard.try_wait()
            {
                let ending = guard::ending(status);
                return Err(format!("ended at once, {ending}{}", process.said()));
            }
            match first_answer(&self.endpoint, &self.host, path) {
                Ok(protocol) => {
                    self.protocol = protocol;
                    return Ok(());
                }
                Err(Unready::Yet(sentence)) => (last, is_refused) = (sentence, false),
                Err(Unready::Refused(sentence)) => (last, is_refused) = (sentence, true),
                Err(Unready::Ever(sentence)) => return Err(sentence),
            }
            let address = self.endpoint.address;
            if self.process.is_none() {
                let from = if self.there.is_some() {
                    " from here, but where it runs: is there a firewall?"
                } else {
                    ""
                };
                return Err(format!("does not answer at {address}{from}: {last}"));
            }
            sleep(LOOK_AGAIN);
        }
        let said = self.process.as_mut().map(Process::said).unwrap_or_default();
        let address = self.endpoint.address;
        if is_refused {
            return Err(format!("{last}{said}"));
        }
        let how = if address.ip().is_loopback() {
            "put {port} in its command, or let it read $PORT"
        } else {
            "put {host} and {port} in its command, or let it read $HOST and $PORT"
        };
        Err(format!(
            "does not answer at {address} after {} s ({last}): {how}{said}",
            START_MAX.as_secs(),
        ))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((host, id)) = self.there.take() {
            leave(&host.stop(id));
        }
        if self.process.is_some() {
            self.stop();
            end_orphans();
        }
    }
}

/// Stops servers that ran at the same time.
pub(super) fn stop_all(servers: Vec<Server>) {
    for mut server in servers {
        server.stop();
    }
    end_orphans();
}

/// How many servers of this process run. Locked while one is started, and while orphans are ended: all other
/// children of this process are taken for orphans, also the guard of a server that runs.
static RUNNING: Mutex<usize> = Mutex::new(0);

fn running() -> MutexGuard<'static, usize> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those of all servers, after the last of those that ran at the same time.
fn end_orphans() {
    let running = running();
    if *running == 0 {
        process_tree::end_orphans(KILL_MAX);
    }
}

impl Server {
    /// With SIGTERM first, and waits until all of its processes have ended.
    fn stop(&mut self) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        process_tree::signal(process.guard.id(), Signal::SIGTERM);
        if !process.ends_within(STOP_MAX) {
            guard::end(&mut process.guard);
            if !process.ends_within(KILL_MAX) {
                leave(&process_tree::alive(process.guard.id()));
            }
        }
        *running() -= 1;
    }
}

/// Processes that could not be ended.
static LEFT: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The ids of the processes that could not be ended so far.
pub(super) fn left() -> Vec<u32> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn leave(ids: &[u32]) {
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    left.extend(ids);
}

impl Process {
    /// Whether all of it has ended within this time.
    fn ends_within(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < limit {
            if !matches!(self.guard.try_wait(), Ok(None)) {
                return true;
            }
            sleep(LOOK_AGAIN);
        }
        false
    }

    fn said(&mut self) -> String {
        output::said(&mut self.output)
    }
}

fn spawn(program: &Program, address: SocketAddr) -> io::Result<Process> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let workers = program.workers.to_string();
    let command = program
        .command
        .replace("{host}", &host)
        .replace("{port}", &port)
        .replace("{workers}", &workers);
    // A shell that waits for the server would count as a part of it.
    let command = if is_plain(&command) {
        format!("exec {command}")
    } else {
        command
    };
    let output = tempfile::tempfile()?;
    let mut running = running();
    let guard = guard::command("/bin/sh", &program.cores)
        .args(["-c", &command])
        .env("PATH", search_path())
        .env("HOST", host)
        .env("PORT", port)
        .env("WORKERS", workers)
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .spawn()?;
    *running += 1;
    Ok(Process { guard, output })
}

/// `PATH`, and then the directory of this program, so that `hullo` is found even if it is not installed.
fn search_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = std::env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent);
    let folders = std::env::split_paths(&path).chain(own.map(Path::to_path_buf));
    std::env::join_paths(folders).unwrap_or(path)
}

/// Whether it is only a program and its arguments, without other shell syntax.
fn is_plain(command: &str) -> bool {
    let program = command.split_whitespace().next().unwrap_or_default();
    let is_file = if program.contains('/') {
        Path::new(program).is_file()
    } else {
        std::env::split_paths(&search_path()).any(|folder| folder.join(program).is_file())
    };
    is_file && !command.contains(|c| ";|&<>()`\n{}".contains(c))
}

fn free_port(address: IpAddr) -> Option<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two races at the same time begin at different ports.
    let span = PORT_LAST - PORT_FIRST;
    let offset = (std::process::id() % u32::from(span)) as u16;
    (0..span).find_map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port =
            PORT_FIRST + (u32::from(offset) + u32::from(step)).rem_euclid(u32::from(span)) as u16;
        TcpListener::bind((address, port)).ok()?;
        Some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_makes_way_for_a_plain_command() {
        for plain in ["sh --port 1", "/bin/sh \"b c\" $HOME --x=y"] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in [
            "A=b sh",
            "exit 3",
            "sh; sh",
            "sh | sh",
            "cd x",
            "sh > b",
            "/no/such/program",
        ] {
            assert!(!is_plain(other), "{other}");
        }
    }

    #[test]
    fn a_free_port_is_not_given_twice() {
        let free = || free_port(Ipv4Addr::LOCALHOST.into()).unwrap();
        let (one, two) = (free(), free());
        assert_ne!(one, two);
        assert!((PORT_FIRST..=PORT_LAST).contains(&one));
    }
}
