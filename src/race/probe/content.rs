//! The probes with content: a server that does not find its end takes it for requests.

use super::ask::{HALF_WAIT, contains, is_served};
use super::peer::{Answer, Miss, Next, Peer, Stop};
use super::{Asker, Verdict};

/// More than fits into one read, and more than some servers are willing to read and discard.
const CONTENT_BYTES: usize = 300_000;

/// A server must read content to its end, or close the connection in a way that the client gets its answer
/// (RFC 9112 sections 6.3 and 9.6). Here the content consists of requests: a server that does not read it as
/// content answers those.
pub(super) fn content(asker: &Asker<'_>) -> Verdict {
    let hidden = asker.random_path();
    let decoy = asker.get(&hidden, "");
    let content: Vec<u8> = decoy.bytes().cycle().take(CONTENT_BYTES).collect();
    let mut peer = asker.connect()?;
    peer.send(post(
        asker,
        "1.1",
        &format!("Content-Length: {CONTENT_BYTES}"),
    ));
    peer.send(content);
    peer.more_time();
    let answer = peer.answer(false)?;
    // A server may refuse what is not allowed, not found or too large.
    let is_fine = is_served(answer.status) || answer.status == 413;
    Ok(after_content(asker, &mut peer, &answer, is_fine, &hidden))
}

/// RFC 9112 section 7.1: a recipient MUST be able to parse chunked content, and section 7.1.1 to ignore what
/// it does not know of an extension. Each of three chunks arrives by itself, the second is a request, and a
/// trailer follows. Section 6.3: a server may want a length, with 411.
pub(super) fn chunked_content(asker: &Asker<'_>) -> Verdict {
    let hidden = asker.random_path();
    let decoy = asker.get(&hidden, "");
    let mut peer = asker.connect()?;
    peer.send(post(asker, "1.1", "Transfer-Encoding: chunked"));
    let size = decoy.len();
    for chunk in [
        "5;name=value\r\nhello\r\n".to_owned(),
        format!("{size:X}\r\n{decoy}\r\n"),
        "01\r\n!\r\n0\r\nX-Trailer: a\r\n\r\n".to_owned(),
    ] {
        // An early answer may end the connection, which that answer will tell.
        peer.next(HALF_WAIT);
        peer.more_time();
        peer.send(chunk);
    }
    peer.more_time();
    let answer = peer.answer(false)?;
    let is_fine = match answer.status {
        411 | 413 => true,
        // The method, or the coding, is not implemented.
        501 => short_content(asker)? == 501,
        status => is_served(status),
    };
    Ok(after_content(asker, &mut peer, &answer, is_fine, &hidden))
}

/// RFC 9110 section 10.1.1: a server that receives 100-continue MUST send 100 Continue, or answer at once; a
/// client waits for either before it sends the content.
pub(super) fn expect_continue(asker: &Asker<'_>) -> Verdict {
    let mut peer = asker.connect()?;
    let fields = "Content-Length: 5\r\nExpect: 100-continue";
    peer.send(post(asker, "1.1", fields));
    let waits = peer.end() == Next::Stop(Stop::Late);
    peer.more_time();
    if waits {
        peer.send("hello");
        let status = peer.answer(false)?.status;
        return Ok((false, format!("{status}, waits for the content")));
    }
    if !peer.continues() {
        let status = peer.answer(false)?.status;
        return Ok((is_answered(status), format!("{status} at once")));
    }
    peer.send("hello");
    let answer = peer.answer(false)?;
    let is_fine = is_answered(answer.status);
    let (is_right, saw) = after_content(asker, &mut peer, &answer, is_fine, "hello");
    Ok((is_right, format!("100, {saw}")))
}

/// RFC 9110 section 15.2: a server MUST NOT send a 1xx response to an HTTP/1.0 client, which would take it
/// for the answer; section 10.1.1: it ignores the expectation of one.
pub(super) fn interim_in_1_0(asker: &Asker<'_>) -> Verdict {
    let mut peer = asker.connect()?;
    let fields = "Content-Length: 5\r\nExpect: 100-continue";
    peer.send(post(asker, "1.0", fields) + "hello");
    let continues = peer.continues();
    let status = peer.answer(false)?.status;
    Ok(if continues {
        (false, format!("100, {status}"))
    } else {
        (is_answered(status), status.to_string())
    })
}

/// The status of the answer to a request with little content.
fn short_content(asker: &Asker<'_>) -> Result<u16, Miss> {
    let mut peer = asker.connect()?;
    peer.send(post(asker, "1.1", "Content-Length: 5") + "hello");
    Ok(peer.answer(false)?.status)
}

/// Where it does not matter whether the method is implemented.
fn is_answered(status: u16) -> bool {
    is_served(status) || status == 501
}

/// RFC 9112 section 6.1: a request with both framings is refused, or read by its transfer coding alone; in
/// either case the connection MUST be closed. Read by its length, its content is another request.
pub(super) fn length_and_chunked(asker: &Asker<'_>) -> Verdict {
    let hidden = asker.get(&asker.random_path(), "");
    let size = format!("{:x}\r\n", hidden.len());
    let mut peer = asker.connect()?;
    let fields = format!(
        "Content-Length: {}\r\nTransfer-Encoding: chunked",
        size.len()
    );
    peer.send(post(asker, "1.1", &fields) + &size + &hidden + "\r\n0\r\n\r\n");
    let status = peer.answer(false)?.status;
    let is_fine = status < 500;
    Ok(match peer.end() {
        Next::Bytes => (false, format!("{status}, answers the hidden request")),
        Next::Stop(Stop::Late) => (false, format!("{status}, stays open")),
        Next::Stop(_) => (is_fine, format!("{status}, closes")),
    })
}

/// The head of a request with content.
fn post(asker: &Asker<'_>, version: &str, fields: &str) -> String {
    let Asker { path, host, .. } = asker;
    format!(
        "POST {path} HTTP/{version}\r\nHost: {host}\r\nContent-Type: text/plain\r\n{fields}\r\n\r\n"
    )
}

/// Whether the content was read as that, and the connection ended or serves the next request. `hidden`: what
/// an answer to the content as a request would contain.
fn after_content(
    asker: &Asker<'_>,
    peer: &mut Peer,
    answer: &Answer,
    is_fine: bool,
    hidden: &str,
) -> (bool, String) {
    let status = answer.status;
    let read_as_requests = format!("{status}, reads content as requests");
    if answer.closes {
        return match peer.end_of_content() {
            Next::Stop(Stop::End | Stop::Cut) => (is_fine, format!("{status}, closes")),
            // The reset may have destroyed the answer before the client read it.
            Next::Stop(Stop::Reset) => (false, format!("{status}, resets")),
            Next::Stop(Stop::Failed) => (false, format!("{status}, violates TLS")),
            Next::Stop(Stop::Late) => (false, format!("{status}, stays open")),
            Next::Bytes => (false, read_as_requests),
        };
    }
    peer.more_time();
    peer.send(asker.get(asker.path, ""));
    let next = match peer.answer(false) {
        Ok(next) => next,
        Err(miss) => return (false, format!("{status}, then {miss}")),
    };
    if contains(&next.content, hidden) || peer.next(HALF_WAIT) == Next::Bytes {
        return (false, read_as_requests);
    }
    let is_right = is_fine && is_served(next.status);
    (is_right, format!("{status}, next {}", next.status))
}
