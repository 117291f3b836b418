//! The sockets that peers connect to: one for each worker, on the same address.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// How many connections may wait to be accepted; the kernel's `somaxconn` may allow fewer.
const BACKLOG: i32 = 4096;

/// Binds `count` listeners to one address. With port 0 the kernel chooses the port for them all.
///
/// # Errors
///
/// Those of socket(7) and bind(2): the port is taken, the address is not of this machine, the port
/// needs a privilege.
pub(crate) fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    if address.port() != 0 {
        // With SO_REUSEPORT a second server of the same user would share the port without a word:
        // without it, the kernel says that the port is taken.
        socket(address, Sharing::Alone)?;
    }
    let mut listeners: Vec<TcpListener> = Vec::with_capacity(count);
    for _ in 0..count {
        let address = match listeners.first() {
            Some(first) => first.local_addr()?,
            None => address,
        };
        let socket = socket(address, Sharing::WithSiblings)?;
        socket.listen(BACKLOG)?;
        listeners.push(socket.into());
    }
    Ok(listeners)
}

#[derive(Clone, Copy, PartialEq)]
enum Sharing {
    Alone,
    WithSiblings,
}

fn socket(address: SocketAddr, sharing: Sharing) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A port is not taken by connections of a past server that the kernel still remembers.
    socket.set_reuse_address(true)?;
    if sharing == Sharing::WithSiblings {
        socket.set_reuse_port(true)?;
    }
    // Linux hands it on to accepted sockets, so that none of them needs a system call for it.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
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

    #[test]
    fn accepted_sockets_inherit_what_the_listener_was_told() {
        let listener = bind(ANY_PORT, 1).unwrap().remove(0);
        listener.set_nonblocking(false).unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(listener.accept().unwrap().0.nodelay().unwrap());
    }
}
