//! The probes of a server under pressure: much at once, or too little for long.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::ask::is_served;
use super::peer::{Miss, Next, Peer, Stop};
use super::{Asker, Verdict};
use crate::race::connection::{Connection, Got, is_later};

/// More than most servers accept, in fields of which each is small enough.
const LARGE_FIELDS: usize = 16;
const LARGE_FIELD_BYTES: usize = 4400;

/// Their answers are more than fits between a server and a client that does not read.
const UNREAD: usize = 600;
const UNREAD_PAUSE: Duration = Duration::from_millis(200);

/// Requests in one write of a flood.
const FLOOD_BATCH: usize = 64;
const FLOOD_LEAD: Duration = Duration::from_millis(100);
/// Of the second client.
const FLOOD_REQUESTS: usize = 3;
const FLOOD_PAUSE: Duration = Duration::from_micros(200);

/// Between the field lines of a head that never ends.
const TRICKLE: Duration = Duration::from_secs(1);

/// RFC 9110 section 5.4: fields that are larger than the server wishes to process MUST have an answer with an
/// appropriate 4xx status. A reset may destroy it.
pub(super) fn large_head(asker: &Asker<'_>) -> Verdict {
    let filler = "a".repeat(LARGE_FIELD_BYTES);
    let fields = (0..LARGE_FIELDS).map(|number| format!("X-Filler-{number}: {filler}\r\n"));
    let mut peer = asker.connect()?;
    peer.send(asker.get(asker.path, &fields.collect::<String>()));
    peer.more_time();
    let answer = peer.answer(false)?;
    let status = answer.status;
    if !answer.closes {
        return Ok((status < 500, status.to_string()));
    }
    Ok(match peer.end() {
        Next::Stop(Stop::End | Stop::Cut) => (status < 500, format!("{status}, closes")),
        Next::Stop(Stop::Reset) => (false, format!("{status}, resets")),
        Next::Stop(Stop::Failed) => (false, format!("{status}, violates TLS")),
        Next::Stop(Stop::Late) => (false, format!("{status}, stays open")),
        Next::Bytes => (false, format!("{status}, sends more")),
    })
}

/// A server whose client does not read has to keep the rest of an answer, and send it later: not all bytes
/// of a write are taken.
pub(super) fn slow_reader(asker: &Asker<'_>) -> Verdict {
    let request = asker.get(asker.path, "");
    let mut peer = Peer::connect_narrowly(asker.endpoint, asker.patience)?;
    peer.send(request.repeat(UNREAD));
    sleep(UNREAD_PAUSE);
    peer.read_fast();
    peer.more_time();
    for number in 0..UNREAD {
        match peer.answer(false) {
            Ok(answer) if !is_served(answer.status) => {
                return Ok((false, format!("{number} whole, then {}", answer.status)));
            }
            // A server may end a connection after a number of requests.
            Ok(answer) if answer.closes && number > 0 => {
                return Ok((true, format!("{} whole, closes", number + 1)));
            }
            Ok(_) => {}
            Err(miss) if number == 0 => return Err(miss),
            Err(miss) => return Ok((false, format!("{number} of {UNREAD}, then {miss}"))),
        }
    }
    Ok((true, format!("{UNREAD} whole")))
}

/// While one client sends requests as fast as it can, a second one must have its answers too.
pub(super) fn flood(asker: &Asker<'_>) -> Verdict {
    // For comparison.
    served(asker)?;
    let is_over = AtomicBool::new(false);
    let worst = scope(|scope| {
        scope.spawn(|| keep_flooding(asker, &is_over));
        sleep(FLOOD_LEAD);
        let mut waits = (0..FLOOD_REQUESTS).map(|_| served(asker));
        let first = waits.find(|answer| !matches!(answer, Ok(status) if is_served(*status)));
        is_over.store(true, Ordering::Relaxed);
        first
    });
    Ok(match worst {
        None => (true, "serves both".to_owned()),
        Some(Ok(status)) => (false, format!("second client: {status}")),
        Some(Err(miss)) => (false, format!("second client: {miss}")),
    })
}

/// The status of an answer on a new connection.
fn served(asker: &Asker<'_>) -> Result<u16, Miss> {
    let mut peer = asker.connect()?;
    peer.send(asker.get(asker.path, ""));
    Ok(peer.answer(false)?.status)
}

fn keep_flooding(asker: &Asker<'_>, is_over: &AtomicBool) {
    let batch = asker.get(asker.path, "").repeat(FLOOD_BATCH);
    while !is_over.load(Ordering::Relaxed) {
        // A server may end a connection after a number of requests.
        if let Ok(mut connection) = asker.endpoint.connect(asker.patience) {
            let _ = connection.will_reset();
            let _ = flood_one(&mut connection, batch.as_bytes(), is_over);
        }
        sleep(FLOOD_PAUSE);
    }
}

/// Until the connection ends. It writes whatever the server takes, and reads all that comes.
fn flood_one(connection: &mut Connection, batch: &[u8], is_over: &AtomicBool) -> io::Result<()> {
    connection.socket().set_nonblocking(true)?;
    let mut came = Vec::new();
    let mut left = batch;
    while !is_over.load(Ordering::Relaxed) {
        let written = connection.write(left);
        let read = connection.read(&mut came);
        came.clear();
        if let Ok(count) = &written {
            left = left.get(*count..).unwrap_or_default();
        }
        if left.is_empty() {
            left = batch;
        }
        let (written, read) = (now(written)?, now(read)?);
        if read == Some(Got::End) {
            return Ok(());
        }
        if written.is_none() && read.is_none() {
            sleep(FLOOD_PAUSE);
        }
    }
    Ok(())
}

/// Nothing if it would block.
fn now<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if is_later(&error) => Ok(None),
        done => done.map(Some),
    }
}

/// A client that sends a head forever, a line now and then, must not hold its connection forever. Here
/// `patience` is how long it is watched; nothing is found if `stop` is set before.
pub(super) fn slow_head(
    asker: &Asker<'_>,
    stop: &AtomicBool,
) -> Result<Option<(bool, String)>, Miss> {
    let start = Instant::now();
    let mut peer = asker.connect()?;
    peer.send(format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\n",
        asker.path, asker.host
    ));
    let seconds = || format!("{} s", start.elapsed().as_secs_f64().round());
    while start.elapsed() < asker.patience {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match peer.next(TRICKLE) {
            Next::Stop(Stop::Late) => {
                peer.more_time();
                peer.send("X-Slow: a\r\n");
            }
            Next::Stop(_) => {
                return Ok(Some((true, format!("closes after {}", seconds()))));
            }
            Next::Bytes => {
                let took = seconds();
                peer.more_time();
                let status = peer.answer(false)?.status;
                let is_right = (400..500).contains(&status);
                return Ok(Some((is_right, format!("{status} after {took}"))));
            }
        }
    }
    Ok(Some((false, format!("open after {}", seconds()))))
}
