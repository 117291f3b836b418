//! TCP sockets: a listener for each worker, all on one address.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::process;
use std::thread;
use std::time::Duration;

use socket2::{Protocol, SockAddr, SockRef, Socket, Type};

use super::BACKLOG;

/// How often a port is tried that another process has bound, but does not listen on.
const TRIES: u32 = 3;

/// The kernel takes no more for a peer while it holds this much unsent. Without a bound a peer that
/// does not read pins the whole of a send buffer, which grows to 4 MB.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 128 * 1024;

/// Binds `count` listeners to one address. With port 0 the kernel chooses the port for them all; `[::]`
/// is every address, of IPv4 as well.
///
/// # Errors
///
/// Those of socket(7) and bind(2): the port is taken, the address is not of this machine, the port
/// needs a privilege.
pub(crate) fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    // With SO_REUSEPORT a second server of the same user would silently share the port. So the first
    // socket takes the port without it, and shares it with its siblings once it listens. The first
    // socket of another server does not share, and its bind fails.
    let first = TcpListener::from(take_port(address)?);
    let siblings = siblings(&first, count.saturating_sub(1))?;
    Ok([first].into_iter().chain(siblings).collect())
}

/// Binds `count` more listeners to the address of one that listens.
///
/// # Errors
///
/// Those of bind(2): [`io::ErrorKind::AddrInUse`] when another user has bound the first one.
pub(crate) fn siblings(first: &impl AsFd, count: usize) -> io::Result<Vec<TcpListener>> {
    let first = SockRef::from(first);
    let address = first.local_addr()?;
    if count > 0 {
        first.set_reuse_port(true)?;
    }
    let sibling = || {
        let sibling = socket(&address)?;
        sibling.set_reuse_port(true)?;
        sibling.bind(&address)?;
        sibling.listen(BACKLOG)?;
        Ok(sibling.into())
    };
    (0..count).map(|_| sibling()).collect()
}

/// Binds a socket that shares its port with no other, and listens.
fn take_port(address: SocketAddr) -> io::Result<Socket> {
    let address = address.into();
    let mut tries = 0..TRIES;
    loop {
        let socket = socket(&address)?;
        socket.bind(&address)?;
        match socket.listen(BACKLOG) {
            Ok(()) => return Ok(socket),
            // Another server has bound the port and does not listen yet, or failed to because of this
            // one. Two that start together should not both fail.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries.next().is_some() => {
                drop(socket);
                thread::sleep(Duration::from_millis(u64::from(process::id() % 16)));
            }
            Err(error) => return Err(error),
        }
    }
}

fn socket(address: &SockAddr) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(ipv6) = address.as_socket_ipv6() {
        // The system's default (net.ipv6.bindv6only) may be another one.
        socket.set_only_v6(*ipv6.ip() != Ipv6Addr::UNSPECIFIED)?;
    }
    // Connections of a past server in TIME_WAIT do not keep the port taken.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    prepare(&socket)?;
    Ok(socket)
}

/// What the connections of a listener need, whoever has bound it. Linux hands options on to accepted sockets, so that
/// none of them needs a system call.
pub(super) fn prepare(listener: &Socket) -> io::Result<()> {
    // RFC 6093 section 4: urgent data is data; otherwise a byte of the stream would be missing.
    let inline = listener.set_out_of_band_inline(true);
    #[cfg(target_os = "linux")]
    listener.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)?;
    inline
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY_PORT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[test]
    fn siblings_share_a_port_and_strangers_do_not() {
        let listeners = bind(ANY_PORT, 3).unwrap();
        let address = listeners[0].local_addr().unwrap();
        assert_ne!(address.port(), 0);
        assert!(
            listeners
                .iter()
                .all(|listener| listener.local_addr().unwrap() == address)
        );
        assert_eq!(
            bind(address, 1).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
    }

    /// Two that start at once: one has the port, and the other gets an error.
    #[test]
    fn of_two_at_once_one_has_the_port() {
        for _ in 0..100 {
            let address = bind(ANY_PORT, 1).unwrap()[0].local_addr().unwrap();
            let start = std::sync::Barrier::new(2);
            let try_to = || {
                start.wait();
                bind(address, 2)
            };
            let (one, other) = std::thread::scope(|scope| {
                let one = scope.spawn(try_to);
                let other = scope.spawn(try_to);
                (one.join().unwrap(), other.join().unwrap())
            });
            let taken = [&one, &other].into_iter().filter(|bound| bound.is_ok());
            assert!(taken.count() <= 1, "both listen on {address}");
        }
    }

    /// A connection of this listener.
    fn accepted(listener: &TcpListener) -> Socket {
        listener.set_nonblocking(false).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        Socket::from(listener.accept().unwrap().0)
    }

    #[track_caller]
    fn assert_prepared(accepted: &Socket) {
        assert!(accepted.out_of_band_inline().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(accepted.tcp_notsent_lowat().unwrap(), UNSENT_BYTES_MAX);
    }

    #[test]
    fn accepted_sockets_inherit_the_options_of_the_listener() {
        let accepted = accepted(&bind(ANY_PORT, 1).unwrap().remove(0));
        assert!(accepted.tcp_nodelay().unwrap());
        assert_prepared(&accepted);
    }

    #[test]
    fn connections_of_a_given_listener_are_prepared_as_well() {
        let given = TcpListener::bind(ANY_PORT).unwrap();
        let _listener =
            super::super::Listener::inherited(given.try_clone().unwrap().into()).unwrap();
        assert_prepared(&accepted(&given));
    }
}
