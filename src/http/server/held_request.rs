//! A request that outlives its turn.

use core::net::SocketAddr; // It is only a value.

use super::super::blocks::Block;
use super::scan::Scan;

/// The head of a request that outlives its turn.
#[derive(Debug)]
pub(super) struct HeldRequest {
    pub(super) head: Block,
    pub(super) scan: Scan,
    /// When the head had come, in microseconds.
    pub(super) began: u64,
    /// For an observer: a socket does not tell when the peer has reset the connection.
    pub(super) addr: Option<SocketAddr>,
}
