//! The probes without content: what each sends, and which answers are right.

use std::time::{Duration, SystemTime};

use super::peer::{Answer, Next, Peer, Stop};
use super::{Asker, Verdict};

/// What every server of a race has to send, followed by the path.
const GREETING: &str = "Hello, visitor! You've requested: ";

/// Content that must not be sent would arrive within this time.
const CONTENT_WAIT: Duration = Duration::from_millis(200);

/// The pause between the two halves of a request.
pub(super) const HALF_WAIT: Duration = Duration::from_millis(50);

const PIPELINED: usize = 16;

/// How much a server's clock may differ from ours, including a `Date` that is a second old.
const CLOCK_SECONDS_MAX: u64 = 5;

/// A server must greet a path that it cannot have prepared an answer for.
pub(super) fn random_path(asker: &Asker<'_>) -> Verdict {
    let path = asker.random_path();
    let mut peer = asker.connect()?;
    peer.send(asker.get(&path, ""));
    let answer = peer.answer(false)?;
    let said = answer
        .content
        .strip_suffix(b"\n")
        .unwrap_or(&answer.content);
    let greeted = said.strip_prefix(GREETING.as_bytes());
    Ok(match (answer.status, greeted) {
        (200, Some(greeted)) if greeted == path.as_bytes() => (true, "200, greets".to_owned()),
        (200, Some(_)) => (false, "200, greets a different path".to_owned()),
        (200, None) => (false, "200, says something else".to_owned()),
        (status, _) => (false, status.to_string()),
    })
}

/// RFC 9112 section 9.6: a server that receives `close` MUST close after the answer. `close` in the answer
/// is a SHOULD, which is not checked here.
pub(super) fn connection_close(asker: &Asker<'_>) -> Verdict {
    let mut peer = asker.connect()?;
    peer.send(asker.get(asker.path, "Connection: close\r\n"));
    let status = peer.answer(false)?.status;
    let (closes, end) = ending(&mut peer);
    Ok((closes && is_served(status), format!("{status}, {end}")))
}

/// RFC 9112 section 9.3: the connection does not persist. Section 6.1: the answer MUST NOT have a transfer
/// coding.
pub(super) fn http_1_0(asker: &Asker<'_>) -> Verdict {
    let mut peer = asker.connect()?;
    peer.send(format!(
        "GET {} HTTP/1.0\r\nHost: {}\r\n\r\n",
        asker.path, asker.host
    ));
    let answer = peer.answer(false)?;
    let status = answer.status;
    if answer.chunked {
        return Ok((false, format!("{status}, chunked")));
    }
    let (closes, end) = ending(&mut peer);
    Ok((closes && is_served(status), format!("{status}, {end}")))
}

/// RFC 9110 section 9.1: HEAD MUST be supported; section 9.3.2: its answer MUST NOT have content. Late content
/// would arrive before the answer to the next request.
pub(super) fn head(asker: &Asker<'_>) -> Verdict {
    let mut peer = asker.connect()?;
    peer.send(format!(
        "HEAD {} HTTP/1.1\r\nHost: {}\r\n\r\n",
        asker.path, asker.host
    ));
    let answer = peer.answer(true)?;
    let status = answer.status;
    let is_supported = is_served(status) && status != 405;
    match peer.next(CONTENT_WAIT) {
        Next::Bytes => return Ok((false, format!("{status}, sends content"))),
        Next::Stop(Stop::Late) if !answer.closes => {}
        Next::Stop(_) => return Ok((is_supported, format!("{status}, no content"))),
    }
    peer.more_time();
    peer.send(asker.get(asker.path, ""));
    Ok(match peer.answer(false) {
        Ok(_) => (is_supported, format!("{status}, no content")),
        Err(miss) => (false, format!("{status}, then {miss}")),
    })
}

/// RFC 9112 section 9.3.2: answers MUST be sent in the order of their requests.
pub(super) fn pipelining(asker: &Asker<'_>) -> Verdict {
    let place = asker.random_path();
    // All of the same length, so that none is a part of another.
    let paths: Vec<String> = (0..PIPELINED).map(|n| format!("{place}-{n:02}")).collect();
    let requests: String = paths.iter().map(|path| asker.get(path, "")).collect();
    let mut peer = asker.connect()?;
    peer.send(requests);
    let mut is_in_order = true;
    let mut names_a_path = false;
    for (number, path) in paths.iter().enumerate() {
        let answer = match peer.answer(false) {
            Ok(answer) => answer,
            Err(miss) if number == 0 => return Err(miss),
            Err(_) => return Ok((false, format!("{number} of {PIPELINED}"))),
        };
        is_in_order &= contains(&answer.content, path);
        names_a_path |= contains(&answer.content, &place);
    }
    Ok(match (is_in_order, names_a_path) {
        (true, _) => (true, format!("{PIPELINED} in order")),
        (false, true) => (false, format!("{PIPELINED}, out of order")),
        (false, false) => (false, format!("{PIPELINED}, without the path")),
    })
}

/// TCP is a stream, in which a segment may end anywhere: a request in two halves has the same answer as a
/// whole one.
pub(super) fn two_segments(asker: &Asker<'_>) -> Verdict {
    let request = asker.get(asker.path, "Accept: */*\r\n");
    let in_line = "GET /".len();
    let in_field = request.find("\r\nAccept").unwrap_or_default() + "\r\nAcc".len();
    let cuts = [(in_line, "request line"), (in_field, "field line")];
    let whole = {
        let mut peer = asker.connect()?;
        peer.send(&request);
        peer.answer(false)?
    };
    let says_path = |answer: &Answer| contains(&answer.content, asker.path);
    for (cut, place) in cuts {
        let (first, second) = request.split_at_checked(cut).unwrap_or((&request, ""));
        let mut peer = asker.connect()?;
        peer.send(first);
        let early = peer.next(HALF_WAIT);
        peer.more_time();
        if early == Next::Stop(Stop::Late) {
            peer.send(second);
        }
        let saw = match peer.answer(false) {
            Err(miss) => miss.to_string(),
            Ok(answer) if early == Next::Bytes || answer.status != whole.status => {
                answer.status.to_string()
            }
            Ok(answer) if says_path(&answer) != says_path(&whole) => "another answer".to_owned(),
            Ok(_) => continue,
        };
        return Ok((false, format!("half a {place}: {saw}")));
    }
    Ok((is_served(whole.status), whole.status.to_string()))
}

/// RFC 9112 section 3.2: a request without Host MUST be answered with 400.
pub(super) fn missing_host(asker: &Asker<'_>) -> Verdict {
    let mut peer = asker.connect()?;
    peer.send(format!("GET {} HTTP/1.1\r\n\r\n", asker.path));
    let status = peer.answer(false)?.status;
    Ok((status == 400, status.to_string()))
}

/// RFC 9112 section 9.6: a client that has closed its sending side may still want the answer.
pub(super) fn half_closed(asker: &Asker<'_>) -> Verdict {
    let mut peer = asker.connect()?;
    peer.send_last(asker.get(asker.path, ""));
    let status = peer.answer(false)?.status;
    Ok((is_served(status), status.to_string()))
}

/// RFC 9112 section 9.8: a server MUST attempt to exchange closure alerts before it closes. Without, a client cannot
/// know whether the data was cut.
pub(super) fn close_notify(asker: &Asker<'_>) -> Verdict {
    let mut peer = asker.connect()?;
    peer.send(asker.get(asker.path, "Connection: close\r\n"));
    let status = peer.answer(false)?.status;
    let (right, saw) = match peer.end() {
        Next::Stop(Stop::End) => (true, "sends it"),
        Next::Stop(Stop::Cut) => (false, "closes without it"),
        Next::Stop(Stop::Reset) => (false, "resets"),
        Next::Stop(Stop::Failed) => (false, "violates TLS"),
        Next::Stop(Stop::Late) => (false, "stays open"),
        Next::Bytes => (false, "sends more"),
    };
    Ok((right, format!("{status}, {saw}")))
}

/// RFC 9110 section 6.6.1: a server with a clock MUST send Date; section 5.6.7: as an IMF-fixdate.
pub(super) fn date(asker: &Asker<'_>) -> Verdict {
    let mut peer = asker.connect()?;
    peer.send(asker.get(asker.path, ""));
    let dates = peer.answer(false)?.dates;
    let [date] = &dates[..] else {
        let saw = match dates.len() {
            0 => "none".to_owned(),
            count => format!("{count} of them"),
        };
        return Ok((false, saw));
    };
    // The crate also parses the two obsolete formats, which MUST NOT be generated.
    let parsed = httpdate::parse_http_date(date).ok();
    let Some(then) = parsed.filter(|then| httpdate::fmt_http_date(*then) == *date) else {
        return Ok((false, "no IMF-fixdate".to_owned()));
    };
    let (difference, side) = match SystemTime::now().duration_since(then) {
        Ok(behind) => (behind.as_secs(), "slow"),
        Err(ahead) => (ahead.duration().as_secs(), "fast"),
    };
    Ok(if difference <= CLOCK_SECONDS_MAX {
        (true, "on time".to_owned())
    } else {
        (false, format!("{difference} s {side}"))
    })
}

/// Whether the status accepts the form of the request.
pub(super) fn is_served(status: u16) -> bool {
    status < 500 && !matches!(status, 400 | 408 | 411 | 413 | 414 | 426 | 431)
}

/// Whether the connection ends now, and the words for it. A reset counts as an end: the answer was read.
fn ending(peer: &mut Peer) -> (bool, &'static str) {
    match peer.end() {
        Next::Stop(Stop::Late) => (false, "stays open"),
        Next::Stop(_) => (true, "closes"),
        Next::Bytes => (false, "sends more"),
    }
}

pub(super) fn contains(content: &[u8], path: &str) -> bool {
    memchr::memmem::find(content, path.as_bytes()).is_some()
}
