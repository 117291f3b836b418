//! Tells an observer of each request, once, when its response has ended or cannot go on.

use core::net::SocketAddr; // It is only a value.
use std::time::Duration;

use super::super::blocks::Block;
use super::completion::Waker;
use super::form::Written;
use super::handler::Handler;
use super::held_request::HeldRequest;
use super::ongoing::Ongoing;
use super::peer::Peer;
use super::record::Exchange;
use super::reject::Reject;
use super::request::Request;
use super::response::Answer;
use super::scan::Scan;
use super::session::{Session, State};
use super::shared::Shared;
use super::status::Status;

/// What became of a request.
#[derive(Clone, Copy)]
struct Ending {
    status: Option<Status>,
    content_bytes: u64,
    is_complete: bool,
    reject: Option<Reject>,
}

impl Ending {
    fn written(written: Written, reject: Option<Reject>) -> Self {
        Self {
            status: Some(written.status),
            content_bytes: written.content_bytes,
            is_complete: true,
            reject,
        }
    }

    /// The response has not ended, and does not go on.
    fn abandoned(ongoing: Option<&Ongoing>) -> Self {
        let (status, content_bytes) = ongoing.map_or((None, 0), Ongoing::sent);
        Self {
            status,
            content_bytes,
            is_complete: false,
            reject: None,
        }
    }
}

/// A peer that may have left.
struct HeldPeer<'a> {
    addr: Option<SocketAddr>,
    peer: &'a dyn Peer,
}

impl Peer for HeldPeer<'_> {
    fn addr(&self) -> Option<SocketAddr> {
        self.addr
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.peer.local_addr()
    }

    fn waker(&self) -> Waker {
        self.peer.waker()
    }

    fn id(&self) -> Option<u64> {
        self.peer.id()
    }
}

impl<H: Handler> Shared<H> {
    /// The request of this head, which has come now.
    pub(super) fn hold(&self, head: Block, scan: Scan, peer: &dyn Peer) -> HeldRequest {
        HeldRequest {
            head,
            scan,
            began: self.micros(),
            addr: if H::OBSERVES { peer.addr() } else { None },
        }
    }

    /// Tells of a request that was answered within its turn.
    #[inline]
    pub(super) fn observe_answer(
        &self,
        request: &Request<'_>,
        reject: Option<Reject>,
        answer: &Answer,
    ) {
        if let Answer::Whole(written) = answer {
            let ending = Ending::written(*written, reject);
            let request_line = request.line();
            self.observe(Some(*request), request_line, request.peer(), ending, None);
        }
    }

    fn observe(
        &self,
        request: Option<Request<'_>>,
        request_line: &[u8],
        peer: &dyn Peer,
        ending: Ending,
        began: Option<u64>,
    ) {
        let micros = began.map_or(0, |began| self.micros().saturating_sub(began));
        self.tell(&Exchange {
            request,
            request_line,
            peer,
            status: ending.status,
            content_bytes: ending.content_bytes,
            is_complete: ending.is_complete,
            reject: ending.reject,
            unix_seconds: self.unix_seconds(),
            duration: Duration::from_micros(micros),
        });
    }

    fn observe_held(&self, held: &HeldRequest, peer: &dyn Peer, ending: Ending) {
        let peer = HeldPeer {
            addr: held.addr,
            peer,
        };
        let began = Some(held.began);
        with_request(&held.head.bytes(), &held.scan, &peer, |request, line| {
            self.observe(request, line, &peer, ending, began);
        });
    }
}

impl Session {
    /// The response to the request at the start of `input` has not ended in its turn: the observer will
    /// be told of the request when it has.
    #[cold]
    pub(super) fn hold_request<H: Handler>(
        &mut self,
        ongoing: &mut Ongoing,
        input: &[u8],
        peer: &dyn Peer,
        shared: &Shared<H>,
    ) {
        ongoing.request = match std::mem::take(&mut self.state) {
            State::Body(receiving) => Some(receiving.into_inner().request),
            State::Head(scan) => {
                let head = input.get(..scan.length()).unwrap_or(input);
                // Without memory for it, the observer is told what is left.
                let block = shared.blocks().filled(head);
                block.map(|block| shared.hold(block, scan, peer))
            }
            State::Responding(_) | State::Closed(_) => None,
        };
    }

    /// Tells of a request whose response took longer than its turn.
    #[cold]
    pub(super) fn observe_ended<H: Handler>(
        &self,
        written: Written,
        peer: &dyn Peer,
        shared: &Shared<H>,
    ) {
        self.observe_ending(&[], Ending::written(written, None), peer, shared);
    }

    /// Tells of a request whose response is the engine's own, and the last of the conversation. Before its
    /// head is whole, it is the one at the start of `input`.
    #[cold]
    pub(super) fn observe_last<H: Handler>(
        &self,
        input: &[u8],
        answer: &Answer,
        reject: Option<Reject>,
        peer: &dyn Peer,
        shared: &Shared<H>,
    ) {
        if let Answer::Whole(written) = answer
            && H::OBSERVES
        {
            self.observe_ending(input, Ending::written(*written, reject), peer, shared);
        }
    }

    /// The connection is closed, or is about to be: tells the observer, if there is one, of the request whose
    /// response has not ended. It is not for a conversation that goes on.
    #[cold]
    pub fn abandon<H: Handler>(&self, peer: &dyn Peer, shared: &Shared<H>) {
        if !H::OBSERVES {
            return;
        }
        let ongoing = match &self.state {
            State::Responding(ongoing) => Some(&**ongoing),
            State::Body(receiving) if receiving.answered.is_none() => receiving.ongoing.as_deref(),
            State::Body(_) | State::Head(_) | State::Closed(_) => return,
        };
        self.observe_ending(&[], Ending::abandoned(ongoing), peer, shared);
    }

    fn observe_ending<H: Handler>(
        &self,
        input: &[u8],
        ending: Ending,
        peer: &dyn Peer,
        shared: &Shared<H>,
    ) {
        let held = match &self.state {
            State::Head(scan) => {
                return with_request(input, scan, peer, |request, line| {
                    shared.observe(request, line, peer, ending, None);
                });
            }
            State::Body(receiving) => Some(&receiving.request),
            State::Responding(ongoing) => ongoing.request.as_ref(),
            State::Closed(_) => None,
        };
        match held {
            Some(held) => shared.observe_held(held, peer, ending),
            None => shared.observe(None, &[], peer, ending, None),
        }
    }
}

/// Lends what is known of the request at the start of `input`: how far `scan` has read it.
fn with_request(
    input: &[u8],
    scan: &Scan,
    peer: &dyn Peer,
    use_it: impl FnOnce(Option<Request<'_>>, &[u8]),
) {
    let end = memchr::memchr(b'\n', input).unwrap_or(input.len());
    let line = input.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let fields = scan.line().fields as usize;
    // After a panic of the handler, the input is not known any more.
    if fields == 0 || input.len() < fields {
        return use_it(None, line);
    }
    let request = Request::new(input, scan.line(), peer);
    use_it(Some(request), line);
}
