//! Servers elsewhere: on another machine, or in another network namespace of this one.
//!
//! ```text
//!  measure ──> Server ──> Host ──(ssh, or a pipe: lines of JSON)──> agent ──> Server, process_tree
//! ```
//!
//! The agent is this program. It starts, samples and stops servers there as the race does here, and ends with its
//! input: then the guards of its servers kill what is left. So nothing stays behind, whatever becomes of the race or
//! of the connection.

mod connect;
pub(super) mod namespace;
pub(super) mod orders;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub(super) use self::connect::{over_ssh, through_netns};
use self::orders::{About, Answer, Order};
use super::cost::Sample;
use super::record::ServerHost;
use super::server_spec::Program;

/// Between two heartbeats.
const BEAT: Duration = Duration::from_secs(5);
/// The latency of the link is the median of so many connects.
const CONNECTS: usize = 15;
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// Where servers run if not here.
#[derive(Debug)]
pub(super) struct Host {
    /// As on the command line.
    name: String,
    pub(super) address: IpAddr,
    pub(super) about: About,
    pub(super) link_ns: u64,
    /// Whether it is this machine.
    pub(super) is_here: bool,
    pipe: Mutex<Pipe>,
}

/// To the agent.
#[derive(Debug)]
struct Pipe {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What went wrong, in the words of ssh or of the agent.
    errors: File,
}

impl Pipe {
    fn ask(&mut self, order: &Order) -> Result<Answer, String> {
        let line = serde_json::to_string(order).map_err(|error| error.to_string())? + "\n";
        self.send(line.as_bytes());
        let mut answer = String::new();
        match self.output.read_line(&mut answer) {
            Ok(1..) => serde_json::from_str::<Result<Answer, String>>(&answer)
                .map_err(|error| format!("unexpected answer: {error}"))?,
            // A failure is always told there.
            Ok(0) | Err(_) => Err(format!(
                "its connection ended{}",
                super::output::said(&mut self.errors)
            )),
        }
    }

    /// That it could not be sent shows in the answer.
    fn send(&mut self, bytes: &[u8]) {
        if let Some(input) = &mut self.input {
            let _ = input.write_all(bytes).and_then(|()| input.flush());
        }
    }
}

impl Drop for Pipe {
    /// The agent ends with its input, after its servers.
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

impl Host {
    fn of(name: &str, address: IpAddr, is_here: bool, mut pipe: Pipe) -> Result<Arc<Self>, String> {
        let Answer::About(about) = pipe.ask(&Order::About)? else {
            return Err("unexpected answer".to_owned());
        };
        let link_ns = link_ns(SocketAddr::new(address, about.echo_port))?;
        let host = Arc::new(Self {
            name: name.to_owned(),
            address,
            about,
            link_ns,
            is_here,
            pipe: Mutex::new(pipe),
        });
        let living = Arc::downgrade(&host);
        thread::spawn(move || {
            while let Some(host) = living.upgrade() {
                host.lock().send(b"\n");
                drop(host);
                thread::sleep(BEAT);
            }
        });
        Ok(host)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pipe> {
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, order: &Order) -> Result<Answer, String> {
        let answer = self.lock().ask(order);
        answer.map_err(|error| format!("{}: {error}", self.name))
    }

    /// Starts a server there, and returns its number and its port once it answers there.
    pub(super) fn start(&self, program: &Program) -> Result<(u32, u16), String> {
        match self.lock().ask(&Order::Start(program.clone()))? {
            Answer::Started { id, port } => Ok((id, port)),
            _ => Err("unexpected answer".to_owned()),
        }
    }

    /// For suites with many connections.
    pub(super) fn raise_file_limit(&self) -> Result<(), String> {
        self.ask(&Order::RaiseFileLimit).map(|_| ())
    }

    pub(super) fn sample(&self, id: u32, cores: &[usize]) -> Option<Sample> {
        let cores = cores.to_vec();
        match self.ask(&Order::Sample { id, cores }) {
            Ok(Answer::Sample(sample)) => sample,
            _ => None,
        }
    }

    pub(super) fn memory(&self, id: u32) -> Option<u64> {
        match self.ask(&Order::Memory(id)) {
            Ok(Answer::Memory(bytes)) => bytes,
            _ => None,
        }
    }

    /// How a server ended there, if it did.
    pub(super) fn ending(&self, id: u32) -> Option<String> {
        match self.ask(&Order::Ending(id)) {
            Ok(Answer::Ending(sentence)) => sentence,
            Ok(_) => None,
            Err(sentence) => Some(sentence),
        }
    }

    /// Stops a server, and returns the processes that could not be ended.
    pub(super) fn stop(&self, id: u32) -> Vec<u32> {
        match self.ask(&Order::Stop(id)) {
            Ok(Answer::Stopped { left }) => left,
            // With the connection, all there has ended.
            _ => Vec::new(),
        }
    }

    pub(super) fn record(&self) -> ServerHost {
        ServerHost {
            name: self.name.clone(),
            address: self.address.to_string(),
            machine: self.about.machine.clone(),
            link_ns: self.link_ns,
        }
    }
}

/// How long it takes to connect, which is one round trip.
fn link_ns(address: SocketAddr) -> Result<u64, String> {
    let connect = |_| {
        let start = Instant::now();
        TcpStream::connect_timeout(&address, CONNECT_MAX).map(|_| start.elapsed().as_nanos() as u64)
    };
    let times: Result<Vec<u64>, std::io::Error> = (0..CONNECTS).map(connect).collect();
    let mut times = times.map_err(|error| {
        format!("port {} of {} cannot be reached from here: {error}; servers there listen on ports from 21000 to 31999: is there a firewall?", address.port(), address.ip())
    })?;
    times.sort_unstable();
    Ok(times.get(CONNECTS / 2).copied().unwrap_or_default())
}
