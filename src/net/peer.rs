//! The peer of a connection, as its handler sees it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::kernel::{Kernel, Token};
use super::mailbox::Mailbox;
use crate::http::{Peer, Waker};

/// The peer of a connection, as its handler sees it.
pub(super) struct PeerOf<'a, K: Kernel> {
    pub(super) stream: &'a K::Stream,
    pub(super) token: Token,
    pub(super) mailbox: &'a Arc<Mailbox>,
}

impl<K: Kernel> Peer for PeerOf<'_, K> {
    fn addr(&self) -> Option<SocketAddr> {
        K::addresses(self.stream).0
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        K::addresses(self.stream).1
    }

    fn waker(&self) -> Waker {
        let mailbox = Arc::clone(self.mailbox);
        Waker::new(self.token.0 as u64, mailbox)
    }

    fn id(&self) -> Option<u64> {
        Some(self.token.0 as u64)
    }
}
