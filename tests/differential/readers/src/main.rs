//! Two readers in Rust for the comparison: hyper's server, without a socket, and AWS's
//! `http_desync_guardian`, which judges a head and nothing else.
//!
//! In: conversations, each a length of four bytes (big endian) and so many bytes. Out: a line for
//! each, of five cells with a tab between them: how hyper's conversation ended (`waits`, `closed`,
//! `refused`), why, the targets of the requests that it read to their end (hexadecimal, with a
//! comma behind each), and the guardian's tier and reason for the first head.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::error::Error;
use std::io::{self, BufRead, Read, Write};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt, Empty};
use http_desync_guardian::request_analyzer::HttpRequestData;
use hyper::body::{Bytes, Incoming};
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};

/// A peer that has sent all of this, says no more, and reads everything.
struct Peer<'a>(&'a [u8]);

impl hyper::rt::Read for Peer<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut block: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.0.len().min(block.remaining());
        if length == 0 {
            return Poll::Pending;
        }
        let (taken, rest) = self.0.split_at(length);
        block.put_slice(taken);
        self.0 = rest;
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for Peer<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        block: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(block.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// It is never woken, so it is polled this many times before it counts as waiting for more.
const POLLS: usize = 64;

/// How it ended, why, and the targets.
fn with_hyper(conversation: &[u8]) -> (&'static str, String, String) {
    let targets = RefCell::new(String::new());
    let body_is_bad = Cell::new(false);
    let answer = async |request: Request<Incoming>| {
        let target = request.uri().to_string();
        if request.into_body().collect().await.is_ok() {
            let hex = target.bytes().map(|byte| format!("{byte:02x}"));
            targets.borrow_mut().extend(hex);
            targets.borrow_mut().push(',');
        } else {
            body_is_bad.set(true);
        }
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    };
    let end = {
        let mut builder = http1::Builder::new();
        builder.header_read_timeout(None);
        let service = service_fn(answer);
        let mut connection = pin!(builder.serve_connection(Peer(conversation), service));
        let mut context = Context::from_waker(Waker::noop());
        (0..POLLS).find_map(|_| match Future::poll(connection.as_mut(), &mut context) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        })
    };
    let (end, why) = match end {
        _ if body_is_bad.get() => ("refused", "the body".to_owned()),
        None => ("waits", String::new()),
        Some(Ok(())) => ("closed", String::new()),
        Some(Err(error)) => {
            let source = error.source().map(ToString::to_string).unwrap_or_default();
            ("refused", format!("{error} {source}"))
        }
    };
    (end, why, targets.into_inner())
}

/// From the first line that is not empty to the first empty line behind it, with any line ends.
fn first_head(conversation: &[u8]) -> &[u8] {
    let mut rest = conversation;
    while let [b'\r', b'\n', more @ ..] = rest {
        rest = more;
    }
    let ends = [&b"\r\n\r\n"[..], b"\n\n"].map(|end| {
        let found = rest.windows(end.len()).position(|bytes| bytes == end);
        found.map_or(rest.len(), |at| at + end.len())
    });
    &rest[..ends[0].min(ends[1])]
}

fn main() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while !input.fill_buf()?.is_empty() {
        let mut length = [0; 4];
        input.read_exact(&mut length)?;
        let mut conversation = vec![0; u32::from_be_bytes(length) as usize];
        input.read_exact(&mut conversation)?;
        let (end, why, targets) = with_hyper(&conversation);
        let verdict = HttpRequestData::analyze_raw_request(first_head(&conversation));
        let (tier, reason) = (verdict.tier, verdict.reason);
        writeln!(output, "{end}\t{why}\t{targets}\t{tier:?}\t{reason:?}")?;
        output.flush()?;
    }
    Ok(())
}
