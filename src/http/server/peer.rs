//! What a shell knows about the other end of a conversation.

use core::net::SocketAddr; // It is only a value.

use super::completion::Waker;

/// What a shell knows about the peer of a conversation, asked for only when a handler does.
pub trait Peer {
    /// The peer's address. `None`: it has none (a Unix socket), or has left.
    fn addr(&self) -> Option<SocketAddr>;

    /// The address at which the peer reached the server. `None`: a Unix socket.
    fn local_addr(&self) -> Option<SocketAddr>;

    /// By which another thread can ask for another [`Session::advance`](super::Session::advance) of
    /// this conversation.
    fn waker(&self) -> Waker;

    /// Names the conversation among those of its worker: the same number as
    /// [`ConnectionEvent`](crate::server::ConnectionEvent) has. `None`: the shell gives it no name.
    fn id(&self) -> Option<u64> {
        None
    }
}

/// A peer of which nothing is known, and whose conversation nothing wakes.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnknownPeer;

impl Peer for UnknownPeer {
    fn addr(&self) -> Option<SocketAddr> {
        None
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }

    fn waker(&self) -> Waker {
        Waker::none()
    }
}
