//! The engine beside its naive twins.

use std::cell::RefCell;

use hullo::http::{Limits, Phase, Reason, Replied, Reply, Request, Respond, Service};
use proptest::prelude::*;

use super::inputs::{chunks, head, limits, mutated};
use super::naive_chunks::{End, end_of_chunks};
use super::naive_head::{Verdict, verdict, whole_head};
use super::whole::config;
use crate::common::{Ending, NOW, Peer, play, read_replies};

type Told = (String, String, Option<String>);

/// Remembers what it was told.
#[derive(Default)]
struct Witness(RefCell<Vec<Told>>);

impl Respond for &Witness {
    fn respond(&self, request: &Request<'_>, reply: Reply<'_>) -> Replied {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a target is ASCII");
        let method = format!("{:?}", request.method()).to_ascii_lowercase();
        let told = (method, text(request.path()), request.query().map(text));
        self.0.borrow_mut().push(told);
        reply.text(&[b"ok"])
    }
}

/// What the engine makes of a head.
fn verdict_of_engine(head: &[u8], limits: Limits, cuts: std::ops::Range<usize>) -> Verdict {
    let witness = Witness::default();
    let service = Service::new(&witness, limits, NOW);
    let outcome = play(&service, head, cuts).without_interims();
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
fn end_of_engine(body: &[u8], limits: Limits) -> End {
    let witness = Witness::default();
    let service = Service::new(&witness, limits, NOW);
    let mut peer = Peer::new(&service);
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

proptest! {
    #![proptest_config(config(6000))]

    #[test]
    fn a_naive_reader_agrees_on_heads(input in mutated(head()), limits in limits()) {
        let witness = Witness::default();
        let service = Service::new(&witness, limits, NOW);
        let limits = *service.limits();
        if let Some(head) = whole_head(&input) {
            let expected = verdict(head, &limits);
            let whole = verdict_of_engine(head, limits, 0..0);
            prop_assert_eq!(&whole, &expected);
            prop_assert_eq!(whole, verdict_of_engine(head, limits, 1..head.len()));
        } else {
            let outcome = play(&service, &input, []);
            let refused = matches!(outcome.ending, Ending::Closed(Reason::Refused(_)));
            prop_assert_eq!(refused, !outcome.sent.is_empty());
        }
    }

    #[test]
    fn a_naive_decoder_agrees_on_where_chunks_end(body in mutated(chunks()), small in limits()) {
        let limits = Limits { head_bytes: 100, fields: small.fields.max(2), target_bytes: 1, ..small };
        match (end_of_engine(&body, limits), end_of_chunks(&body, &limits)) {
            (End::Refused, End::Unfinished) => {
                // It was refused at its first wrong byte: nothing can follow that makes it right.
                for tail in ["\r\n", "\r\n\r\n", "\n\r\n0\r\n\r\n", "\"\r\n0\r\n\r\n", "\r\n0\r\n\r\n", "0\r\n\r\n"] {
                    let more = [&body, tail.as_bytes()].concat();
                    prop_assert!(!matches!(end_of_chunks(&more, &limits), End::At(_)));
                }
            }
            (engine, naive) => prop_assert_eq!(engine, naive),
        }
    }
}
