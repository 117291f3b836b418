//! What the engine makes of a head and of a chunked body, in the words of its twins.

use std::cell::RefCell;

use hullo::http::{Handler, Limits, Phase, Reason, Request, Responded, ResponseWriter, Shared};

use super::naive_chunks::End;
use super::naive_head::Verdict;
use crate::common::{Ending, NOW, Peer, play, read_replies};

type Told = (String, String, Option<String>);

/// Remembers what it was told.
#[derive(Default)]
pub(crate) struct Witness(RefCell<Vec<Told>>);

impl Handler for &Witness {
    fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a target is ASCII");
        let method = format!("{:?}", request.method()).to_ascii_lowercase();
        let told = (method, text(request.path()), request.query().map(text));
        self.0.borrow_mut().push(told);
        reply.text(&[b"ok"])
    }
}

/// What the engine makes of a head.
pub(crate) fn verdict_of_engine(
    head: &[u8],
    limits: Limits,
    cuts: impl IntoIterator<Item = usize>,
) -> Verdict {
    let witness = Witness::default();
    let shared = Shared::new(&witness, limits, NOW);
    let outcome = play(&shared, head, cuts).without_interims();
    let replies = read_replies(&outcome.sent);
    match (outcome.ending, &replies[..]) {
        (Ending::Closed(Reason::Refused(_)), [_]) => Verdict::Refused,
        (Ending::Open(Phase::Body, 0), []) => Verdict::WaitsForBody,
        (Ending::IDLE | Ending::Closed(Reason::PeerAsked), [reply]) => Verdict::Answered {
            status: reply.status,
            connection: reply.connection,
            told: witness.0.borrow_mut().pop(),
        },
        other => panic!("{other:?}"),
    }
}

/// How many bytes of `body` the engine takes, offered one by one.
pub(crate) fn end_of_engine(body: &[u8], limits: Limits) -> End {
    let witness = Witness::default();
    let shared = Shared::new(&witness, limits, NOW);
    let mut peer = Peer::new(&shared);
    peer.offer(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (at, byte) in body.iter().enumerate() {
        peer.offer(&[*byte]);
        match read_replies(peer.sent())[..] {
            [] => {}
            [ref reply] if reply.status == 200 => return End::At(at + 1),
            _ => return End::Refused,
        }
    }
    End::Unfinished
}
