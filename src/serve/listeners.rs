//! Opens the listeners that the configuration asks for, and says what is wrong when one cannot be opened.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use super::admin;
use super::config::Config;
use super::inherited::Inherited;
use super::listen::Listen;
use crate::server::Server;

/// A server that listens, and what to call its listeners.
pub(super) struct Opened {
    pub(super) server: Server,
    /// Such as `http://127.0.0.1:8080` or `unix:/run/hullo.sock`, in the order of the server's listeners.
    pub(super) names: Vec<String>,
    /// What they are called when they are handed on to another process, in the same order.
    pub(super) keys: Vec<String>,
}

/// Listens on the sockets of a supervisor, and on what the configuration asks for besides: on the sockets that
/// the old process had there, if this one takes its place.
///
/// # Errors
///
/// A sentence that says what to do next.
pub(super) fn open(config: &Config, inherited: &mut Vec<Inherited>) -> Result<Opened, String> {
    let server = Server::bind(config.options.clone().without_address());
    let server = server.map_err(|error| describe_options(&error))?;
    let (given, handed_on): (Vec<_>, Vec<_>) = inherited.drain(..).partition(Inherited::is_given);
    let wanted = config.listeners(!given.is_empty());
    let mut opening = Opening {
        opened: Opened {
            server,
            names: Vec::new(),
            keys: Vec::new(),
        },
        handed_on,
        asked_by: if config.listen.is_empty() {
            AskedBy::HostAndPort
        } else {
            AskedBy::Listen
        },
    };
    for one in given {
        opening = opening.share(one)?;
    }
    for listen in &wanted {
        opening = opening.listen(listen)?;
    }
    // The admin listener's, perhaps.
    *inherited = opening.handed_on;
    Ok(opening.opened)
}

/// Binds the admin listener, or takes over that of the old process; and what it is called when it is handed on.
///
/// # Errors
///
/// A sentence that says what to do next.
pub(super) fn open_admin(
    address: SocketAddr,
    inherited: &mut Vec<Inherited>,
) -> Result<(Server, String), String> {
    let key = format!("admin {address}");
    let place = inherited.iter().position(|other| other.name == key);
    let sockets = place.map(|place| inherited.remove(place).sockets);
    // A container image asks for every interface before it knows its machine.
    let has_family = address.ip() != Ipv6Addr::UNSPECIFIED || has_ipv6(Ipv6Addr::UNSPECIFIED);
    let bound = if has_family {
        address
    } else {
        (Ipv4Addr::UNSPECIFIED, address.port()).into()
    };
    let server = admin::bind(bound, sockets).map_err(|error| {
        format!(
            "--admin {address}: {}",
            describe(address, AskedBy::Admin, &error)
        )
    })?;
    Ok((server, key))
}

struct Opening {
    opened: Opened,
    /// What the old process had, and was not asked for yet.
    handed_on: Vec<Inherited>,
    asked_by: AskedBy,
}

/// Which flag an address comes from.
#[derive(Clone, Copy)]
enum AskedBy {
    HostAndPort,
    Listen,
    Admin,
}

impl Opening {
    fn share(self, given: Inherited) -> Result<Self, String> {
        let (name, key) = (given.describe(), given.name);
        let add = |server| given.sockets.into_iter().try_fold(server, Server::listener);
        let failed = |error| format!("cannot listen on {name}: {error}");
        self.add(&name, key, add, failed)
    }

    fn listen(self, listen: &Listen) -> Result<Self, String> {
        match listen {
            Listen::Unix { path, permissions } => {
                let name = format!("unix:{}", path.display());
                let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let key = format!("unix:{}", absolute.display());
                let add = |server: Server| server.listen_unix_with(path, *permissions);
                self.add(&name, key, add, |error| describe_unix(path, &error))
            }
            Listen::Everywhere(port) => {
                let host = if has_ipv6(Ipv6Addr::UNSPECIFIED) {
                    Ipv6Addr::UNSPECIFIED.into()
                } else {
                    Ipv4Addr::UNSPECIFIED.into()
                };
                self.bind(SocketAddr::new(host, *port), listen.to_string())
            }
            Listen::Localhost(port) => {
                let opening = self.bind((Ipv4Addr::LOCALHOST, *port).into(), listen.to_string())?;
                let addresses = opening.opened.server.local_addrs();
                let bound = addresses.last().copied().flatten();
                let port = bound.map_or(*port, |address| address.port());
                if has_ipv6(Ipv6Addr::LOCALHOST) {
                    let key = format!("{listen} by IPv6");
                    opening.bind((Ipv6Addr::LOCALHOST, port).into(), key)
                } else {
                    Ok(opening)
                }
            }
            Listen::Address(address) => self.bind(*address, listen.to_string()),
        }
    }

    fn bind(self, address: SocketAddr, key: String) -> Result<Self, String> {
        let asked_by = self.asked_by;
        let add = |server: Server| server.listen(address);
        let failed = |error| describe(address, asked_by, &error);
        self.add(&address.to_string(), key, add, failed)
    }

    /// Adds a listener: the one that the old process had, if there is one. It is called by its address, if it has
    /// one.
    fn add(
        mut self,
        name: &str,
        key: String,
        add: impl FnOnce(Server) -> io::Result<Server>,
        failed: impl FnOnce(io::Error) -> String,
    ) -> Result<Self, String> {
        let mut handed_on = self.handed_on.iter();
        let server = match handed_on.position(|other| other.name == key) {
            None => add(self.opened.server).map_err(failed)?,
            Some(place) => {
                let sockets = self.handed_on.remove(place).sockets;
                let taken = self.opened.server.take_over(sockets);
                taken.map_err(|error| format!("cannot take over {name}: {error}"))?
            }
        };
        let address = server.local_addrs().last().copied().flatten();
        let name = address.map_or(name.to_owned(), |address| format!("http://{address}"));
        self.opened.names.push(name);
        self.opened.keys.push(key);
        self.opened.server = server;
        Ok(self)
    }
}

/// Whether there is an address of IPv6 to listen on.
fn has_ipv6(address: Ipv6Addr) -> bool {
    // A datagram socket takes no port from anyone.
    UdpSocket::bind((address, 0)).is_ok()
}

/// What is wrong with the options.
fn describe_options(error: &io::Error) -> String {
    match error.kind() {
        // The flags are in range one by one, but each worker needs its share of the memory.
        ErrorKind::InvalidInput => {
            format!("{error}; try a larger --max-buffered-bytes or fewer --workers")
        }
        _ => error.to_string(),
    }
}

/// Why an address cannot be listened on, and what to type next.
fn describe(address: SocketAddr, asked_by: AskedBy, error: &io::Error) -> String {
    let (host, port) = (address.ip(), address.port());
    let take = |host: std::net::IpAddr, port: u16| match asked_by {
        AskedBy::Listen => format!("--listen {}", SocketAddr::new(host, port)),
        AskedBy::Admin => format!("--admin {}", SocketAddr::new(host, port)),
        AskedBy::HostAndPort if host == address.ip() => format!("--port {port}"),
        AskedBy::HostAndPort => format!("--host {host}"),
    };
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "port {port} is taken: find its owner with ss -ltnp 'sport = :{port}', or use a free port with {}",
            take(host, 0)
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{host} is not an address of this machine: list its addresses with ip addr, or use {}",
            take(Ipv4Addr::LOCALHOST.into(), port)
        ),
        ErrorKind::PermissionDenied => format!(
            "port {port} needs a privilege that this user does not have: use a port above 1023, such as {}",
            take(host, 8080)
        ),
        ErrorKind::InvalidInput if error.raw_os_error().is_none() => error.to_string(),
        ErrorKind::Other => error.to_string(),
        _ => format!("cannot listen on {address}: {error}"),
    }
}

/// Why a Unix socket cannot be listened on, and what to type next.
fn describe_unix(path: &Path, error: &io::Error) -> String {
    let file = fs::symlink_metadata(path).map(|file| file.file_type());
    let path = path.display();
    match error.kind() {
        ErrorKind::AddrInUse if file.is_ok_and(|kind| kind.is_socket()) => format!(
            "a server listens at {path} already: find it with ss -lxp src {path}, or use another path"
        ),
        ErrorKind::AddrInUse => {
            format!("{path} is not a socket, and is left as it is: use another path")
        }
        ErrorKind::NotFound => {
            format!("the folder of {path} is missing: make it with mkdir -p, or use another path")
        }
        ErrorKind::PermissionDenied => {
            format!("this user may not make the socket {path}, or give it this owner: {error}")
        }
        _ => format!("cannot listen at {path}: {error}"),
    }
}

impl Config {
    /// Where to listen, besides inherited sockets.
    pub(super) fn listeners(&self, has_inherited: bool) -> Vec<Listen> {
        if !self.listen.is_empty() {
            self.listen.clone()
        } else if has_inherited && !self.is_address_given {
            Vec::new()
        } else {
            vec![Listen::Address(self.address)]
        }
    }
}
