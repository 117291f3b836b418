//! The addresses of peers as text, so that a connection's is asked for and formatted once.

use std::io::Write;

use crate::http::Peer;

/// Connections whose numbers differ by a multiple of this take each other's place.
const PLACES_MAX: usize = 1 << 14;

/// The longest text: `[ffff:…:ffff%4294967295]:65535`.
const TEXT_BYTES: usize = 64;

/// How an address is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Host,
    HostAndPort,
}

/// The addresses of the peers of one worker.
pub(super) struct Peers {
    style: Style,
    known: Vec<Known>,
    /// Of the last one that has no place.
    other: Known,
}

#[derive(Clone, Copy)]
struct Known {
    id: Option<u64>,
    length: u8,
    text: [u8; TEXT_BYTES],
}

const UNKNOWN: Known = Known {
    id: None,
    length: 0,
    text: [0; TEXT_BYTES],
};

impl Peers {
    pub(super) const fn new(style: Style) -> Self {
        Self {
            style,
            known: Vec::new(),
            other: UNKNOWN,
        }
    }

    /// The address of a peer. It is empty if the peer has left, and `unix:` on a Unix socket.
    pub(super) fn text(&mut self, peer: &dyn Peer) -> &[u8] {
        let id = peer.id();
        // The lower half of the number is the place in the worker's table.
        let place = id.map(|id| id as u32 as usize % PLACES_MAX);
        if let Some(place) = place
            && place >= self.known.len()
        {
            self.known.resize((place + 1).next_power_of_two(), UNKNOWN);
        }
        let known = place.and_then(|place| self.known.get_mut(place));
        let known = known.unwrap_or(&mut self.other);
        if known.id != id || id.is_none() {
            *known = Known::of(peer, self.style);
        }
        known
            .text
            .get(..usize::from(known.length))
            .unwrap_or_default()
    }
}

impl Known {
    #[cold]
    fn of(peer: &dyn Peer, style: Style) -> Self {
        let mut text = [0; TEXT_BYTES];
        let mut room = &mut text[..];
        let written = match (peer.addr(), style) {
            // An IPv4 peer of an IPv6 socket.
            (Some(addr), Style::Host) => write!(room, "{}", addr.ip().to_canonical()),
            (Some(mut addr), Style::HostAndPort) => {
                addr.set_ip(addr.ip().to_canonical());
                write!(room, "{addr}")
            }
            (None, _) if peer.local_addr().is_none() => write!(room, "unix:"),
            (None, _) => Ok(()),
        };
        let left = room.len();
        let length = written.map_or(0, |()| TEXT_BYTES - left);
        Self {
            id: peer.id(),
            length: length as u8,
            text,
        }
    }
}
