//! What must hold, whatever happens.

use std::time::Duration;

use super::backend::{Conversation, Waits};
use super::handler::Scripted;
use super::replay::{Replay, without_chunks};
use super::socket::Socket;
use super::world::{WorkerWorld, World};
use crate::http::{Overload, Phase, Reason};
use crate::net::kernel::Kernel;
use crate::net::{OVERCOMMIT_MAX, REJECTED_MAX, Stats, Timeout, Timeouts, Worker};

/// A turn's share of one peer, and the most that is owed to it.
const TURN_BYTES_MAX: usize = 64 * 1024;
const TURN_RESPONSES_MAX: usize = 64;
/// Four in its own turn, as many in a last look before a time-out, and as many to linger.
const TURN_READS_MAX: usize = 12;
/// The most that is held of a peer's input: a head that may still go on.
const HELD_INPUT_BYTES_MAX: usize = 16 * 1024;
const LINGER_BYTES_MAX: usize = 256 * 1024;
/// After so many milliseconds accepting is tried again.
const BACKOFF_MS: u64 = 100;
/// Timers of connections that are gone, before they are cleared out.
const TIMERS_LEFT_MAX: usize = 256;
/// So exact is a deadline.
const RESOLUTION_MS: u64 = 100;
/// So long may a connection stay idle in a drain.
const IDLE_IN_DRAIN_MS: u64 = 1_000;

/// After each turn: no peer has had more than its share or holds more than the limits allow, none is
/// mistaken for another, and the counters add up.
pub(super) fn after_turn<K: Kernel>(
    world: &mut World,
    number: usize,
    worker: &Worker<K, Scripted>,
) {
    for (token, connection) in worker.connections().iter() {
        let (input, output) = connection.held_bytes();
        if input > HELD_INPUT_BYTES_MAX || output > TURN_BYTES_MAX {
            world.report(&format!(
                "a peer costs {input} bytes of input and {output} of output"
            ));
        }
        let has_ended = world.socket(number, token).is_some_and(Socket::has_ended);
        if connection.is_read_closed() && !has_ended {
            world.report(&format!("{token:?} is mistaken for a peer that has ended"));
        }
    }
    if worker.connections().places() > world.workers[number].most_open {
        world.report("places are not used again");
    }
    let held = worker.block_bytes();
    if held > world.buffered_bytes {
        world.report(&format!("{held} bytes are held for what is left over"));
    }
    let overcommit = if world.workers.len() > 1 {
        OVERCOMMIT_MAX
    } else {
        0
    };
    let beyond = overcommit + world.workers.len() * (REJECTED_MAX + 1);
    if world.open() > world.limit.saturating_add(beyond) {
        world.report(&format!("{} connections are open", world.open()));
    }
    // Others ask between its turns, and it has woken for that.
    if worker.pending_evictions() > 0 {
        world.report("another worker needs room, and no connection is evicted for it");
    }
    counters_add_up(world, number, &worker.stats());
    if worker.measured() != worker.stats().responses() {
        let (measured, all) = (worker.measured(), worker.stats().responses());
        world.report(&format!(
            "the times of {measured} of {all} responses were measured"
        ));
    }
    if worker.timers() > TIMERS_LEFT_MAX + 3 * world.workers[number].most_open {
        world.report(&format!("{} timers are left", worker.timers()));
    }
    completions_are_cancelled(world, number);
    if let Some(fault) = world.backend.take_fault() {
        world.report(&fault);
    }
    turns_are_shares(world);
}

/// No peer has had more than a turn's share.
fn turns_are_shares(world: &mut World) {
    for id in 0..world.sockets.len() {
        let reads = world.sockets[id].reads_in_turn;
        if reads > TURN_READS_MAX {
            world.report(&format!(
                "peer {id} was read from {reads} times in one turn"
            ));
        }
        let written = &world.sockets[id].written_in_turn;
        let responses = memchr::memmem::find_iter(written, b"HTTP/1.1 ").count();
        // The last answer of one that is ended for its memory comes on top.
        let most = TURN_RESPONSES_MAX + usize::from(world.buffered_bytes < usize::MAX);
        // A turn of the loop may serve it because it is ready, and for an event, a wake-up and a timer.
        let has_handler = world.backend.conversation(id).calls > 0;
        let shares = if has_handler { 4 } else { 1 };
        if written.len() > shares * TURN_BYTES_MAX || responses > shares * most {
            let bytes = written.len();
            world.report(&format!(
                "peer {id} had {responses} responses, {bytes} bytes, in one turn"
            ));
        }
    }
}

/// A handler learns at once that its peer has left.
fn completions_are_cancelled(world: &mut World, number: usize) {
    for (id, is_cancelled) in world.backend.completions() {
        let socket = &world.sockets[id];
        let is_waited_for = socket.is_open() && socket.shut_at.is_none();
        if socket.worker == number && is_cancelled == is_waited_for {
            world.report(&format!(
                "the completion of peer {id} is cancelled: {is_cancelled}"
            ));
        }
    }
}

/// What a worker has counted is what the world has seen of it.
fn counters_add_up(world: &mut World, number: usize, stats: &Stats) {
    let own = &world.workers[number];
    let (accepted, read, written) = (own.accepted, own.bytes_in, own.bytes_out);
    let is_right = stats.open as usize == world.open_at(number)
        && stats.accepted + stats.taken_over == stats.open + stats.closed() + stats.handed_over
        && stats.accepted as usize == accepted
        && stats.bytes_in as usize == read
        && stats.bytes_out as usize == written
        && stats.refused <= stats.responses()
        && stats.wake_ups > 0;
    if !is_right {
        world.report(&format!(
            "{accepted} connections, {read} bytes in and {written} out were counted as {stats:?}"
        ));
    }
}

/// After a worker has returned: it has left nothing behind.
pub(super) fn after_return<K: Kernel>(
    world: &mut World,
    number: usize,
    worker: &Worker<K, Scripted>,
) {
    world.workers[number].has_returned = true;
    let own = &world.workers[number];
    let is_left = own.listeners.iter().any(|listener| !listener.is_closed);
    if is_left || world.open_at(number) > 0 {
        world.report("a worker has returned, and left something open");
    }
    counters_add_up(world, number, &worker.stats());
}

/// A worker that drains sleeps neither beyond the end of the drain, nor for nobody.
fn drain_goes_on(world: &mut World, worker: usize, timeout: Option<Duration>) {
    let own = &world.workers[worker];
    let Some(drain) = own.drain else {
        return;
    };
    let wakes_at = timeout.map_or(u64::MAX, |time| world.now + time.as_millis() as u64);
    let is_accepting = own.listeners.iter().any(|listener| !listener.is_closed);
    if wakes_at > drain.until {
        world.report("a worker sleeps beyond the end of the drain");
    } else if is_accepting && wakes_at > drain.accept_until && !own.has_queue() {
        world.report("a worker that drains leaves a listener open");
    } else if !is_accepting && world.open_at(worker) == 0 {
        world.report("a worker has drained, and does not return");
    }
}

/// Before the worker falls asleep: no peer is left waiting, and each connection has a deadline.
pub(super) fn before_sleep(world: &mut World, worker: usize, timeout: Option<Duration>) {
    if world.workers[worker].has_returned {
        return;
    }
    drain_goes_on(world, worker, timeout);
    if world.workers[worker].has_queue() {
        // What another worker closes, it notices only when it tries again.
        let has_room = world.workers.len() == 1
            && world.open() < world.descriptors
            && world.open() < world.limit;
        let is_tried_again = timeout.is_some_and(|time| time.as_millis() as u64 <= BACKOFF_MS);
        if has_room || !is_tried_again {
            world.report(&format!(
                "a connection waits at the listener; the loop sleeps {timeout:?}"
            ));
        }
    }
    for id in 0..world.sockets.len() {
        let socket = &world.sockets[id];
        // One that moves is not asleep: the worker that takes it over was woken for it.
        if !socket.is_open() || socket.worker != worker || socket.is_moving {
            continue;
        }
        let conversation = world.backend.conversation(id);
        let is_at_handler =
            socket.shut_at.is_none() && socket.owed_since.is_none() && conversation.is_awaiting();
        let is_unread = !socket.is_blocked && socket.is_readable();
        let may_be_unread = is_at_handler && !conversation.is_exchanging && !socket.reset;
        if is_at_handler && let Some(fault) = stalls(&conversation, world.now, timeout) {
            world.report(&format!("peer {id} waits {fault}"));
        } else if timeout.is_none() && !is_at_handler {
            world.report(&format!("peer {id} has no deadline"));
        } else if socket.is_blocked && socket.reports_room() {
            world.report(&format!("peer {id} has room, and is not written to"));
        } else if is_unread && !may_be_unread {
            world.report(&format!(
                "peer {id} has sent something, and is not read from"
            ));
        }
    }
}

/// A response that can go on does, and at its time.
fn stalls(
    conversation: &Conversation,
    now: u64,
    timeout: Option<Duration>,
) -> Option<&'static str> {
    match conversation.waits {
        Waits::Nothing | Waits::Elsewhere => None,
        Waits::Ready => Some("for an answer that is ready"),
        Waits::Until(time) if now > time => Some("for a time that has passed"),
        Waits::Until(time) => {
            // The rest of the present millisecond does not count.
            let is_woken = timeout.is_some_and(|it| now + it.as_millis() as u64 <= time + 1);
            (!is_woken).then_some("for a time, and the loop sleeps longer")
        }
    }
}

/// When a connection is closed: there is a reason for it.
pub(super) fn at_close(world: &mut World, id: usize) {
    let socket = &world.sockets[id];
    let now = world.now;
    let own = &world.workers[socket.worker];
    if own.is_cutting {
        return cut(world, id);
    }
    // A busy connection's place in its list may be a tenth of a second old.
    let is_due = |timeout: Timeout, since: u64| {
        now + RESOLUTION_MS >= since + timeout.millis(&Timeouts::default())
    };
    let idle_since = socket.idle_since();
    // Another worker may have come to its limit in the meantime, but time has not gone by.
    let must_make_room = world.full_at == Some(now);
    let is_short_of_memory = world.buffered_bytes < usize::MAX;
    let conversation = world.backend.conversation(id);
    let is_late_body = |since| is_due(Timeout::Body, since);
    let fault = if socket.reset || socket.saw_end {
        None
    } else if socket.was_aborted || conversation.has_panicked {
        // Whether it had to be is seen at the end.
        None
    } else if let Some(since) = socket.shut_at {
        let is_over =
            is_due(Timeout::Linger, since) || socket.read_since_shut >= LINGER_BYTES_MAX - 1;
        let latest = since + Timeout::Linger.millis(&Timeouts::default()) + RESOLUTION_MS;
        if now > latest {
            Some("was lingered for too long")
        } else {
            (!is_over).then_some("was not lingered for")
        }
    } else if let Some(since) = socket.owed_since {
        let may_go = is_due(Timeout::Write, since) || is_short_of_memory;
        (!may_go).then_some("was not given the time to take its response")
    } else if conversation.is_unfinished() {
        let may_go = is_short_of_memory || conversation.exchanged_at.is_some_and(is_late_body);
        (!may_go).then_some("its handler had not finished")
    } else if socket.has_unread_bytes() {
        Some("had sent something that was not read")
    } else {
        let may_go = is_due(Timeout::Idle, idle_since)
            || must_make_room
            || idle_until_in_drain(world, id).is_some_and(|until| now + RESOLUTION_MS >= until);
        (!may_go).then_some("there was no reason")
    };
    if let Some(fault) = fault {
        world.report(&format!("peer {id} was closed and {fault}"));
    }
}

/// When the server ends before a conversation: it is counted, unless it was idle or had its last
/// response.
fn cut(world: &mut World, id: usize) {
    world.sockets[id].was_cut = true;
    let socket = &world.sockets[id];
    let conversation = world.backend.conversation(id);
    let replay = Replay::of(&socket.taken, socket.ends_in_drain);
    let written = without_chunks(&socket.written);
    let is_other = |it: &Replay| written == it.said;
    let is_whole = written.len() >= replay.said.len()
        || other_drains(socket, &conversation).iter().any(is_other);
    let has_begun = socket.owed_since.is_some()
        || conversation.is_awaiting()
        || replay.session.phase() != Phase::Between
        || !is_whole;
    if socket.shut_at.is_some() {
        return;
    }
    if has_begun {
        world.workers[socket.worker].cut += 1;
    } else if idle_until_in_drain(world, id).is_some_and(|until| world.now > until + RESOLUTION_MS)
    {
        world.report(&format!("peer {id} was idle for too long in a drain"));
    }
}

/// Until when an idle peer is waited for, if its worker drains.
fn idle_until_in_drain(world: &World, id: usize) -> Option<u64> {
    let socket = &world.sockets[id];
    let drain = world.workers[socket.worker].drain?;
    Some(socket.idle_since().max(drain.accept_until) + IDLE_IN_DRAIN_MS)
}

/// At the end: everything is freed, and every peer has its answers.
pub(super) fn at_the_end<K: Kernel>(
    world: &World,
    workers: &[Worker<K, Scripted>],
) -> Result<(), String> {
    let queued = world.workers.iter().any(WorkerWorld::has_queue);
    let held: usize = workers.iter().map(Worker::block_bytes).sum();
    if !workers.iter().all(Worker::is_empty) || world.open() > 0 || queued || held > 0 {
        return Err(format!(
            "something is left over at the end, and {held} bytes of memory"
        ));
    }
    // Some responses are never sent to the end, and some never begun.
    let begun = |socket: &Socket| memchr::memmem::find_iter(&socket.written, b"HTTP/1.1 ").count();
    let begun: usize = world.sockets.iter().map(begun).sum();
    let stats: Stats = workers.iter().map(Worker::stats).sum();
    let cut: usize = world.workers.iter().map(|worker| worker.cut).sum();
    if stats.closed_cut as usize != cut {
        return Err(format!("{cut} were cut, and counted as {stats:?}"));
    }
    let ends = |worker: &WorkerWorld| worker.drain.is_some() || worker.is_cutting;
    let mut own = world.workers.iter();
    if own.any(|worker| ends(worker) && !worker.has_returned) {
        return Err("a worker has not returned".to_owned());
    }
    if (stats.responses() as usize) < begun {
        return Err(format!("{begun} responses were counted as {stats:?}"));
    }
    let told = world.backend.told();
    if stats.responses() != told {
        return Err(format!(
            "{told} responses were observed, and counted as {stats:?}"
        ));
    }
    let mut faults = (0..world.sockets.len()).filter_map(|id| {
        let fault = answers(id, world).err()?;
        Some(format!("peer {id}: {fault}"))
    });
    faults.next().map_or(Ok(()), Err)
}

/// How a conversation ended, for a test that wants each of them to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum End {
    Answered,
    /// The last response of a drain.
    Drained,
    Late,
    Rejected,
    Shed,
    CutShort,
}

/// What was written to a peer is what the core alone answers to what was read from it.
pub(super) fn answers(id: usize, world: &World) -> Result<End, String> {
    let socket = &world.sockets[id];
    let replay = || Replay::of(&socket.taken, socket.ends_in_drain);
    let Replay { said, session, .. } = &replay();
    let written = &without_chunks(&socket.written)[..];
    if written == said {
        return answered(socket, session.reason());
    }
    let conversation = world.backend.conversation(id);
    let others = other_drains(socket, &conversation);
    if let Some(other) = others.iter().find(|it| written == it.said) {
        return answered(socket, other.session.reason());
    }
    let is_short_of_memory = world.buffered_bytes < usize::MAX;
    let was_cut_short = socket.reset
        || socket.was_cut
        || (socket.owed_since.is_some() && socket.shut_at.is_none())
        || (socket.was_unfinished && is_short_of_memory);
    let is_start = |it: &Replay| it.said.starts_with(written);
    if was_cut_short && (said.starts_with(written) || others.iter().any(is_start)) {
        return Ok(End::CutShort);
    }
    let is_limited = world.limit < usize::MAX;
    let is_last = |last: &[u8], refusal: &[u8]| {
        last == refusal || (was_cut_short && refusal.starts_with(last))
    };
    let rejected = Replay::overload_at_once(Overload::Connections);
    if is_limited && is_last(written, &rejected) {
        return Ok(End::Rejected);
    }
    let shed = refusals(replay(), &conversation);
    let late = replay().timeout();
    let is_late = |last: &[u8]| !late.is_empty() && is_last(last, &late);
    // It may have been ended before all of what was read had its turn, and again while the refusal
    // was on its way.
    let is_shed = |refusal: &Vec<u8>| {
        let start = memchr::memmem::rfind(written, b"HTTP/1.1 503 ").unwrap_or(written.len());
        let (before, last) = written.split_at(start);
        let after_all = written.strip_prefix(&said[..]);
        (said.starts_with(before) && is_last(last, refusal))
            || after_all.is_some_and(|rest| is_last(rest, refusal))
    };
    if written.strip_prefix(&said[..]).is_some_and(is_late) {
        return Ok(End::Late);
    }
    if is_short_of_memory && shed.iter().any(is_shed) {
        return Ok(End::Shed);
    }
    Err(difference(written, said))
}

/// What the core may also answer in a drain, by what it knew when it began its last response.
fn other_drains(socket: &Socket, conversation: &Conversation) -> Vec<Replay> {
    let mut others = Vec::new();
    if socket.ends_in_drain {
        // What came while the last response of a drain was sent had come too late.
        let known = socket.taken_at_response;
        others.push(Replay::of_two(&socket.taken, known, true));
        others.retain(|it| it.session.reason().is_some());
        // An exchange begins before its request has ended: whether that is the last one is not known.
        if conversation.exchanged_at.is_some() {
            others.push(Replay::of(&socket.taken, false));
        }
    }
    others
}

/// What one that is ended for its memory may be told.
fn refusals(mut replay: Replay, conversation: &Conversation) -> [Vec<u8>; 3] {
    let refusal = Replay::overload_at_once(Overload::Buffers);
    // The answer to a HEAD that waited for its handler.
    let head_bytes = memchr::memmem::find(&refusal, b"\r\n\r\n").map_or(0, |end| end + 4);
    let waits = conversation.calls > conversation.begun;
    [
        refusal[..if waits { head_bytes } else { refusal.len() }].to_vec(),
        refusal,
        replay.overload(Overload::Buffers),
    ]
}

fn difference(written: &[u8], said: &[u8]) -> String {
    let same = written.iter().zip(said).take_while(|(a, b)| a == b).count();
    let text = |bytes: &[u8]| {
        let from = same.saturating_sub(200).min(bytes.len());
        String::from_utf8_lossy(&bytes[from..bytes.len().min(from + 600)]).into_owned()
    };
    format!(
        "it was sent {} bytes, as expected up to {same}:\n{}\ninstead of {}:\n{}",
        written.len(),
        text(written),
        said.len(),
        text(said)
    )
}

/// All that was read from a peer was answered, and for this reason nothing more was.
fn answered(socket: &Socket, reason: Option<Reason>) -> Result<End, String> {
    match reason {
        Some(Reason::Shutdown) if socket.unread_at_response > 0 => {
            Err("it was closed by a drain, and had sent more".to_owned())
        }
        Some(Reason::Shutdown) => Ok(End::Drained),
        _ if socket.was_aborted && reason != Some(Reason::Reset) => {
            Err(format!("it was reset, and should have ended as {reason:?}"))
        }
        _ => Ok(End::Answered),
    }
}
