//! What a worker has done, in numbers: plain ones that it counts in, and a copy that other threads
//! read.

use std::iter::Sum;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::http::{Answers, Reason, Reject, Status};

/// Makes the numbers and their published copy from one list.
macro_rules! stats {
    (
        counts { $($(#[$doc:meta])* $name:ident,)* }
        closed { $($(#[$closed_doc:meta])* $closed:ident,)* }
        responses { $($(#[$class_doc:meta])* $class:ident,)* }
    ) => {
        /// What a worker has done since its start. Each number counts up, but for `open`.
        ///
        /// Workers publish their numbers at the end of each turn, one by one: a reader may see some
        /// of them a turn older than the others.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
            $($(#[$closed_doc])* pub $closed: u64,)*
            $($(#[$class_doc])* pub $class: u64,)*
            refusals: [u64; Reject::ALL.len()],
            /// A connection was closed since the numbers were published.
            has_closed: bool,
        }

        /// The numbers of one worker, for other threads: on cache lines of its own, because the
        /// worker writes to them in every turn.
        #[derive(Debug)]
        #[repr(align(128))]
        pub(crate) struct PublishedStats {
            $($name: AtomicU64,)*
            $($closed: AtomicU64,)*
            $($class: AtomicU64,)*
            refusals: [AtomicU64; Reject::ALL.len()],
            /// See [`Answers::ok`].
            ok: AtomicU64,
            statuses: [AtomicU64; Status::COUNT],
            /// The worker has returned.
            has_ended: AtomicBool,
        }

        impl Default for Stats {
            fn default() -> Self {
                Self {
                    $($name: 0,)*
                    $($closed: 0,)*
                    $($class: 0,)*
                    refusals: [0; Reject::ALL.len()],
                    has_closed: false,
                }
            }
        }

        impl Stats {
            /// Connections that were closed, for any reason.
            #[must_use]
            pub fn closed(&self) -> u64 {
                0 $(+ self.$closed)*
            }

            /// How many connections were closed for each reason: the names of the fields, without `closed_`.
            pub fn closes(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                let closes = [$((stringify!($closed), self.$closed)),*];
                closes.into_iter().map(|(name, count)| (name.trim_start_matches("closed_"), count))
            }

            /// Final responses with any status.
            #[must_use]
            pub fn responses(&self) -> u64 {
                0 $(+ self.$class)*
            }

            fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
                $(self.$closed += other.$closed;)*
                $(self.$class += other.$class;)*
                for (sum, more) in self.refusals.iter_mut().zip(other.refusals) {
                    *sum += more;
                }
            }
        }

        impl PublishedStats {
            pub(crate) fn new() -> Self {
                Self {
                    $($name: AtomicU64::new(0),)*
                    $($closed: AtomicU64::new(0),)*
                    $($class: AtomicU64::new(0),)*
                    refusals: [const { AtomicU64::new(0) }; Reject::ALL.len()],
                    ok: AtomicU64::new(0),
                    statuses: [const { AtomicU64::new(0) }; Status::COUNT],
                    has_ended: AtomicBool::new(false),
                }
            }

            /// Stores the numbers that change in most turns.
            fn publish_counts(&self, stats: &Stats) {
                $(self.$name.store(stats.$name, Ordering::Relaxed);)*
                $(self.$class.store(stats.$class, Ordering::Relaxed);)*
            }

            #[cold]
            fn publish_closed(&self, stats: &Stats) {
                $(self.$closed.store(stats.$closed, Ordering::Relaxed);)*
            }

            pub(crate) fn read(&self) -> Stats {
                Stats {
                    $($name: self.$name.load(Ordering::Relaxed),)*
                    $($closed: self.$closed.load(Ordering::Relaxed),)*
                    $($class: self.$class.load(Ordering::Relaxed),)*
                    refusals: self.refusals.each_ref().map(|count| count.load(Ordering::Relaxed)),
                    has_closed: false,
                }
            }
        }
    };
}

stats! {
    counts {
        /// Times that the worker woke up.
        wake_ups,
        /// How long the worker was awake, in microseconds; 0 unless that is
        /// [measured](crate::server::Server::measure_times). What it grows by in a second is the share of its
        /// time that the worker was busy: near a million, it is the bottleneck.
        busy_micros,
        /// Bytes read from peers, those after a closing answer as well.
        bytes_in,
        /// Bytes written to peers.
        bytes_out,
        /// Accepted connections, those as well that were over the limit and refused.
        accepted,
        /// Connections that were given to another worker, after their first response.
        handed_over,
        /// Connections that were taken over from another worker.
        taken_over,
        /// Connections that are open now.
        open,
        /// Requests, and connections over the limit, that were refused for any reason.
        refused,
    }
    closed {
        /// Closed because the peer left between two requests.
        closed_peer_left,
        /// Closed because the peer left in the middle of a request.
        closed_peer_left_early,
        /// Closed after a response that said so: its request asked for it, or was of HTTP/1.0, or the
        /// handler wanted it.
        closed_peer_asked,
        /// Closed after a refusal: see [`Stats::refused_for`] for the reasons.
        closed_refused,
        /// Closed because no request came in time.
        closed_idle,
        /// Closed, while idle, to make room for a new connection.
        closed_evicted,
        /// Closed because the server ends: after a last response, or while idle.
        closed_shutdown,
        /// Closed because the server ended in the middle of a request or of its response: when a drain
        /// had taken its time, or at a stop.
        closed_cut,
        /// Closed because the peer did not take its responses in time.
        closed_slow_reader,
        /// Closed because the peer did not take its responses, and their memory was needed.
        closed_buffer_limit,
        /// Closed by a handler, instead of a response.
        closed_aborted,
        /// Closed because the content of a response could not be sent to its end.
        closed_response_failed,
        /// Closed because a handler panicked.
        closed_panicked,
        /// Closed because the socket failed: a reset, as a rule.
        closed_failed,
    }
    responses {
        /// Final responses with a 2xx status.
        responses_2xx,
        /// Final responses with a 3xx status.
        responses_3xx,
        /// Final responses with a 4xx status.
        responses_4xx,
        /// Final responses with a 5xx status.
        responses_5xx,
    }
}

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The conversation has ended.
    Ended(Reason),
    /// The peer did not take its responses in time.
    SlowReader,
    /// The peer did not take its responses, and their memory was needed.
    BufferLimit,
    /// The server has ended, in the middle of a request or of its response.
    Cut,
    /// The socket failed: a reset, as a rule.
    Failed,
}

impl Stats {
    /// Requests, and connections over the limit, that were refused for this reason.
    #[must_use]
    pub fn refused_for(&self, reason: Reject) -> u64 {
        self.refusals
            .get(reason as usize)
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn count_close(&mut self, reason: CloseReason) {
        let count = match reason {
            CloseReason::Ended(Reason::PeerLeft) => &mut self.closed_peer_left,
            CloseReason::Ended(Reason::PeerLeftEarly) => &mut self.closed_peer_left_early,
            CloseReason::Ended(Reason::PeerAsked) => &mut self.closed_peer_asked,
            CloseReason::Ended(Reason::Refused(_)) => &mut self.closed_refused,
            CloseReason::Ended(Reason::Idle) => &mut self.closed_idle,
            CloseReason::Ended(Reason::Evicted) => &mut self.closed_evicted,
            CloseReason::Ended(Reason::Aborted | Reason::Reset) => &mut self.closed_aborted,
            CloseReason::Ended(Reason::ResponseFailed) => &mut self.closed_response_failed,
            CloseReason::Ended(Reason::Panicked) => &mut self.closed_panicked,
            CloseReason::Ended(Reason::Shutdown) => &mut self.closed_shutdown,
            CloseReason::Cut => &mut self.closed_cut,
            CloseReason::SlowReader => &mut self.closed_slow_reader,
            CloseReason::BufferLimit => &mut self.closed_buffer_limit,
            CloseReason::Failed => &mut self.closed_failed,
        };
        *count += 1;
        self.has_closed = true;
    }

    /// Takes over what was answered, and publishes all.
    pub(crate) fn publish(&mut self, answers: &mut Answers, published: &PublishedStats) {
        [
            self.responses_2xx,
            self.responses_3xx,
            self.responses_4xx,
            self.responses_5xx,
        ] = answers.responses();
        if self.refused != answers.refused() {
            self.refused = answers.refused();
            self.refusals = *answers.refusals();
            for (to, from) in published.refusals.iter().zip(self.refusals) {
                to.store(from, Ordering::Relaxed);
            }
        }
        if std::mem::take(&mut self.has_closed) {
            published.publish_closed(self);
        }
        published.ok.store(answers.ok(), Ordering::Relaxed);
        answers.take_changed(|place, count| {
            if let Some(to) = published.statuses.get(place) {
                to.store(count, Ordering::Relaxed);
            }
        });
        published.publish_counts(self);
    }
}

impl PublishedStats {
    /// Calls `each` with the responses by status, of those that there were.
    pub(crate) fn responses(&self, mut each: impl FnMut(Status, u64)) {
        let ok = self.ok.load(Ordering::Relaxed);
        for (place, count) in self.statuses.iter().enumerate() {
            let count = count.load(Ordering::Relaxed);
            let Some(status) = Status::at(place) else {
                continue;
            };
            let count = if status == Status::OK {
                count + ok
            } else {
                count
            };
            if count > 0 {
                each(status, count);
            }
        }
    }

    /// The worker takes no more turns.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// How many turns have ended.
    pub(crate) fn turns(&self) -> u64 {
        self.wake_ups.load(Ordering::Relaxed)
    }
}

impl Sum for Stats {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let mut sum = Self::default();
        all.for_each(|stats| sum.add(&stats));
        sum
    }
}
