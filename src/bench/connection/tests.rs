//! A server that answers and ends the connection before any of that is read, on a real socket.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token};

use super::{Connection, Next, READS_PER_TURN_MAX};
use crate::bench::context::{Clock, Context};
use crate::bench::expect::Expect;
use crate::bench::plan::{Plan, RunLength};
use crate::bench::request::Batch;
use crate::bench::socket::Destination;
use crate::bench::tally::Tally;
use crate::bench::tls::ThreadTls;
use crate::http::client::Memo;

/// The kernel's buffers hold many of them.
const BLOCK_BYTES: usize = 1024;

const TOKEN: Token = Token(0);

fn plan(address: SocketAddr) -> Plan {
    let mut batch = Batch::default();
    batch.push(|bytes| bytes.extend_from_slice(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    Plan {
        destination: Destination::Tcp(address),
        tls: None,
        pipeline: 1,
        batch,
        expect: Expect::default(),
        workload: None,
        length: RunLength::Requests(1),
        warmup: 0,
        start_at: None,
        align: None,
        connections: 1,
        threads: 1,
        grows: false,
        offer: None,
        deadline: None,
        pace: None,
        timeout: None,
        poll: 0,
        keepalive: true,
        requests_per_connection: u64::MAX,
    }
}

/// An answer that is so long in total.
fn answer(bytes: usize) -> Vec<u8> {
    let head = |content: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {content:>9}\r\n\r\n");
    let mut answer = head(bytes - head(0).len()).into_bytes();
    answer.resize(bytes, b'x');
    answer
}

fn wait_for(poller: &mut Poll, is_wanted: fn(&Event) -> bool) {
    let mut events = Events::with_capacity(8);
    while !events.iter().any(is_wanted) {
        let most = Some(Duration::from_secs(5));
        poller.poll(&mut events, most).unwrap();
        assert!(!events.is_empty(), "no event");
    }
}

/// Sends a request to a server that sends this. `closed` is how often the server closed the connection, and how
/// often unasked bytes did.
#[track_caller]
fn check(sent: &[u8], closed: (u64, u64)) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plan = plan(listener.local_addr().unwrap());
    let mut poller = Poll::new().unwrap();
    let registry = poller.registry().try_clone().unwrap();
    let (mut block, mut memos) = ([0_u8; BLOCK_BYTES], [Memo::default()]);
    let (mut tls, mut tally) = (ThreadTls::new(None, 1), Tally::new());
    let mut connect_error = None;
    let mut context = Context {
        plan: &plan,
        registry: &registry,
        block: &mut block,
        tls: &mut tls,
        memos: &mut memos,
        composer: None,
        tally: &mut tally,
        clock: Clock::start(),
        now: 0,
        is_open: false,
        interval: 0,
        connect_error: &mut connect_error,
        samples: None,
    };
    let mut connection = Connection::default();
    let next = connection.send(TOKEN, (0, 1), &mut context);
    assert_eq!(next, Next::Wait);
    let (mut peer, _) = listener.accept().unwrap();
    wait_for(&mut poller, Event::is_writable);
    let next = connection.on_event(TOKEN, false, false, &mut context);
    assert_eq!(next, Next::Wait);
    assert_ne!(peer.read(&mut [0; BLOCK_BYTES]).unwrap(), 0);
    peer.write_all(sent).unwrap();
    drop(peer);
    wait_for(&mut poller, Event::is_read_closed);
    let mut next = connection.on_event(TOKEN, true, true, &mut context);
    while next == Next::Again {
        assert_ne!(connection.in_flight(), 0, "it is not read again");
        next = connection.on_event(TOKEN, true, false, &mut context);
    }
    assert_eq!(next, Next::Free);
    let counted = tally.connections;
    assert_eq!(tally.responses, 1);
    assert_eq!(
        (counted.closed_by_server, counted.closed_for_unasked_bytes),
        closed
    );
}

#[test]
fn a_connection_that_ends_after_any_number_of_full_reads_is_free() {
    for turns in [1, 2] {
        let reads = turns * READS_PER_TURN_MAX;
        for reads in [1, reads - 1, reads, reads + 1] {
            check(&answer(reads * BLOCK_BYTES), (1, 0));
        }
    }
}

#[test]
fn a_connection_that_ends_after_unasked_bytes_is_free() {
    let mut sent = answer(BLOCK_BYTES);
    sent.push(b'x');
    check(&sent, (0, 1));
}
