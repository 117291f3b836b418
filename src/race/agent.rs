//! The agent: this program, where the servers are.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use super::host::namespace;
use super::host::orders::{About, Answer, NETNS, Order, WORD};
use super::readiness::any_certificate;
use super::server::{self, Server};
use super::{machine, process_tree};
use crate::server::raise_open_file_limit;
use crate::terminal::note;

/// Without a heartbeat from the race for so long, it is gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Runs as an agent, if the arguments of this process say so: `race-agent FOLDER|netns ADDRESS`. The folder is that
/// of this program, which was copied for one race.
pub(crate) fn agent() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    if words.next()? != WORD {
        return None;
    }
    let (place, address) = (words.next()?, words.next()?);
    Some(match run(&place, &address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            note("hullo race", sentence);
            ExitCode::FAILURE
        }
    })
}

fn run(place: &OsString, address: &OsString) -> Result<(), String> {
    if place == NETNS {
        namespace::enter_network()?;
    } else {
        // A running program needs no file.
        let folder = PathBuf::from(place);
        let _ = std::fs::remove_file(folder.join("hullo"));
        let _ = std::fs::remove_dir(&folder);
    }
    process_tree::become_subreaper();
    let address = address.to_str().and_then(|text| text.parse().ok());
    let mut agent = Agent {
        address: address.ok_or("the agent has no address")?,
        servers: BTreeMap::new(),
        started: 0,
        echo: None,
    };
    let lines = lines();
    while let Ok(line) = lines.recv_timeout(SILENCE_MAX) {
        if line.trim().is_empty() {
            continue;
        }
        let order = serde_json::from_str(&line).map_err(|error| error.to_string());
        let answer = order.and_then(|order| agent.answer(order));
        let line = serde_json::to_string(&answer).map_err(|error| error.to_string())? + "\n";
        let mut out = io::stdout();
        if out
            .write_all(line.as_bytes())
            .and_then(|()| out.flush())
            .is_err()
        {
            break;
        }
    }
    server::stop_all(agent.servers.into_values().collect());
    Ok(())
}

/// Those of the input, until it ends.
fn lines() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

struct Agent {
    address: IpAddr,
    servers: BTreeMap<u32, Server>,
    started: u32,
    /// The kernel accepts connections to it: the race measures how long that takes.
    echo: Option<TcpListener>,
}

impl Agent {
    fn answer(&mut self, order: Order) -> Result<Answer, String> {
        match order {
            Order::Ping => Ok(Answer::Done),
            Order::About => self.about(),
            Order::SetUp { device, address } => {
                namespace::set_up(&device, address)?;
                Ok(Answer::Done)
            }
            Order::RaiseFileLimit => {
                raise_open_file_limit();
                Ok(Answer::Done)
            }
            Order::Start(program) => {
                // The race cannot end it while it waits for the answer.
                let stop = AtomicBool::new(false);
                // Whether its certificate is accepted is decided where the load is.
                let name = self.address.to_string();
                let name = program.host.as_deref().unwrap_or(&name);
                let tls = program.is_https.then(|| any_certificate(name));
                let server = Server::start_here(&program, self.address, tls.transpose()?, &stop)?;
                self.started += 1;
                let port = server.endpoint.address.port();
                self.servers.insert(self.started, server);
                Ok(Answer::Started {
                    id: self.started,
                    port,
                })
            }
            Order::Sample { id, cores } => {
                let server = self.servers.get(&id);
                Ok(Answer::Sample(
                    server.and_then(|server| server.sample(&cores)),
                ))
            }
            Order::Memory(id) => {
                let server = self.servers.get(&id);
                Ok(Answer::Memory(server.and_then(Server::memory)))
            }
            Order::Ending(id) => {
                let server = self.servers.get_mut(&id);
                Ok(Answer::Ending(server.and_then(Server::ending)))
            }
            Order::Stop(id) => {
                server::stop_all(self.servers.remove(&id).into_iter().collect());
                Ok(Answer::Stopped {
                    left: server::left(),
                })
            }
        }
    }

    fn about(&mut self) -> Result<Answer, String> {
        let listener = TcpListener::bind((self.address, 0)).map_err(|error| {
            format!(
                "{} is not an address of this machine: {error}",
                self.address
            )
        })?;
        let port = listener
            .local_addr()
            .map_err(|error| error.to_string())?
            .port();
        self.echo = Some(listener);
        Ok(Answer::About(About {
            machine: machine::describe(),
            cores: machine::allowed(),
            echo_port: port,
        }))
    }
}
