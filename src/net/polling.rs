//! Whether a worker sleeps as soon as nothing has happened, or polls for a while before it does.
//!
//! To fall asleep and be woken costs more CPU time than a small request. A peer that sends its next
//! request within some microseconds of a response is answered sooner, and cheaper, by a worker that has
//! not slept meanwhile. But to poll in vain costs what it takes, and the core may be wanted elsewhere.
//!
//! [`BusyPolling::Auto`] guesses neither: it measures what a response costs in CPU time either way, and
//! does what is cheaper. Time is divided into spans. While it sleeps it tries, seldom, to poll for a few
//! spans, and only if its turns followed one another fast; while it polls it tries to sleep. The tries
//! get rarer as long as they fail, so that what they cost is a fraction of a percent.

use std::time::Duration;

/// Whether a worker polls before it sleeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusyPolling {
    /// While that takes less CPU time per response than to sleep.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Always, for this long: shorter latencies, for as much CPU time as there is.
    For(Duration),
}

impl BusyPolling {
    /// How long it polls. `None`: that is measured; zero: it does not.
    #[must_use]
    pub const fn time(self) -> Option<Duration> {
        match self {
            Self::Auto => None,
            Self::Off => Some(Duration::ZERO),
            Self::For(time) => Some(time),
        }
    }
}

impl From<Option<Duration>> for BusyPolling {
    fn from(time: Option<Duration>) -> Self {
        match time {
            None => Self::Auto,
            Some(Duration::ZERO) => Self::Off,
            Some(time) => Self::For(time),
        }
    }
}

/// What is measured is measured over so long at least.
const SPAN_MICROS: u64 = 10_000;
/// A span with fewer responses says nothing.
const RESPONSES_MIN: u64 = 64;
/// How many spans in a row a try takes. The first of them only settles.
const TRY_SPANS: u32 = 4;
/// How many spans there are at least between two tries, and at most.
const PAUSE_SPANS: (u32, u32) = (8, 1024);
/// A turn that begins so soon after the one before could have been polled for.
const SHORT_MICROS: u64 = 80;
/// The longest that it polls for one event, and the shortest.
const POLL_MICROS: (u64, u64) = (5, 60);

/// How a worker waits.
#[derive(Debug)]
pub(super) struct Poller {
    mode: BusyPolling,
    is_polling: bool,
    /// What a response costs when it sleeps, and when it polls: nanoseconds of CPU time.
    costs: [Option<u64>; 2],
    /// How many spans are left of a try. 0: none is being made.
    trying: u32,
    /// How many spans there are until the next one, and were before the last.
    pause: u32,
    last_pause: u32,
    span: Span,
    /// How long it has polled for an event of late: a mean, in sixteenths of microseconds.
    hit_micros_16: u64,
}

/// What was counted since a time.
#[derive(Debug, Default)]
struct Span {
    /// When it began, in microseconds.
    since: u64,
    /// What had been spent by then.
    spent: Spent,
    turns: u32,
    short_turns: u32,
    hits: u32,
    misses: u32,
}

/// What was spent until now, and what for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub(super) cpu_nanos: u64,
    pub(super) responses: u64,
}

impl Poller {
    pub(super) fn new(mode: BusyPolling) -> Self {
        Self {
            mode,
            is_polling: false,
            costs: [None; 2],
            trying: 0,
            pause: PAUSE_SPANS.0,
            last_pause: PAUSE_SPANS.0,
            span: Span::default(),
            hit_micros_16: 0,
        }
    }

    /// For how many microseconds to poll before the next sleep.
    #[inline]
    pub(super) fn poll_micros(&self) -> u64 {
        match self.mode {
            BusyPolling::Off => 0,
            BusyPolling::Auto if !self.is_polling => 0,
            // Long enough for most events, and not much longer for those that do not come.
            BusyPolling::Auto => (self.hit_micros_16 / 4).clamp(POLL_MICROS.0, POLL_MICROS.1),
            BusyPolling::For(time) => u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// An event came after so much polling.
    #[inline]
    pub(super) fn on_hit(&mut self, micros: u64) {
        self.span.hits += 1;
        self.learn_time(micros);
    }

    /// None came, and the worker sleeps. The next ones may come as late.
    #[inline]
    pub(super) fn on_miss(&mut self, micros: u64) {
        self.span.misses += 1;
        self.learn_time(micros);
    }

    fn learn_time(&mut self, micros: u64) {
        let mean = self.hit_micros_16;
        self.hit_micros_16 = mean - mean / 16 + micros.min(POLL_MICROS.1);
    }

    /// A turn begins `now`, so many microseconds after the one before. `true`: the span has ended, and
    /// [`end_span`](Self::end_span) has to be told what was spent in it.
    #[inline]
    pub(super) fn on_turn(&mut self, now: u64, micros: u64) -> bool {
        self.span.turns += 1;
        self.span.short_turns += u32::from(micros <= SHORT_MICROS);
        now >= self.span.since + SPAN_MICROS && self.mode == BusyPolling::Auto
    }

    #[cold]
    pub(super) fn end_span(&mut self, now: u64, spent: Spent) {
        let next = Span {
            since: now,
            spent,
            ..Span::default()
        };
        let span = std::mem::replace(&mut self.span, next);
        let responses = spent.responses - span.spent.responses;
        // After a long sleep the span says what was before it.
        let is_dense = now < span.since + 2 * SPAN_MICROS && responses >= RESPONSES_MIN;
        if !is_dense || span.misses > span.hits {
            return self.sleep();
        }
        let cpu_nanos = spent.cpu_nanos.saturating_sub(span.spent.cpu_nanos);
        self.learn_cost(cpu_nanos / responses);
        if self.trying > 0 {
            self.trying -= 1;
            if self.trying == 0 {
                self.decide();
            }
        } else if self.pause > 0 {
            self.pause -= 1;
        } else if self.is_polling || 4 * span.short_turns >= 3 * span.turns {
            self.turn_over();
            self.trying = TRY_SPANS;
            self.costs[usize::from(self.is_polling)] = None;
        }
    }

    /// Takes what a response has cost in a span into the mean of those before.
    fn learn_cost(&mut self, cost: u64) {
        if self.trying == TRY_SPANS {
            return;
        }
        let known = &mut self.costs[usize::from(self.is_polling)];
        *known = Some(known.map_or(cost, |mean| mean - mean / 4 + cost / 4));
    }

    /// A try is over.
    fn decide(&mut self) {
        let [Some(asleep), Some(polled)] = self.costs else {
            return self.sleep();
        };
        let is_right = (polled < asleep) == self.is_polling;
        self.last_pause = if is_right {
            PAUSE_SPANS.0
        } else {
            self.turn_over();
            (2 * self.last_pause).min(PAUSE_SPANS.1)
        };
        self.pause = self.last_pause;
    }

    fn turn_over(&mut self) {
        self.is_polling = !self.is_polling;
        if self.is_polling {
            self.hit_micros_16 = 16 * POLL_MICROS.1;
        }
    }

    /// There is too little to do to poll for it.
    fn sleep(&mut self) {
        if self.is_polling {
            // A try has failed.
            self.last_pause = (2 * self.last_pause).min(PAUSE_SPANS.1);
            self.pause = self.last_pause;
        }
        self.is_polling = false;
        self.trying = 0;
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    reason = "shares of some millions need no more digits"
)]
mod tests {
    use super::*;

    /// What a sleep and its wake-up cost, and how long a response takes, in microseconds.
    const SLEEP: u64 = 20;
    const SERVICE: u64 = 7;

    /// A worker on a machine where all takes a known time.
    struct Machine {
        poller: Poller,
        now: u64,
        cpu: u64,
        responses: u64,
        polled_turns: u64,
    }

    impl Machine {
        fn new() -> Self {
            Self {
                poller: Poller::new(BusyPolling::Auto),
                now: 1_000_000,
                cpu: 0,
                responses: 0,
                polled_turns: 0,
            }
        }

        /// Serves requests for a while. Each comes so many microseconds after the worker had nothing to do.
        /// Returns the CPU time that it took beside that of one which always sleeps.
        fn serve(&mut self, micros: u64, mut gap: impl FnMut() -> u64) -> f64 {
            let (end, before) = (self.now + micros, self.cpu);
            let mut asleep = 0;
            while self.now < end {
                let (gap, poll, began) = (gap(), self.poller.poll_micros(), self.now);
                self.now += SERVICE + gap;
                self.cpu += SERVICE + gap.min(poll);
                if poll > 0 && gap <= poll {
                    self.poller.on_hit(gap);
                } else {
                    if poll > 0 {
                        self.poller.on_miss(poll);
                    }
                    self.cpu += SLEEP;
                    self.now += SLEEP;
                }
                asleep += SERVICE + SLEEP;
                self.responses += 1;
                self.polled_turns += u64::from(poll > 0);
                if self.poller.on_turn(self.now, self.now - began) {
                    let spent = Spent {
                        cpu_nanos: 1000 * self.cpu,
                        responses: self.responses,
                    };
                    self.poller.end_span(self.now, spent);
                }
            }
            (self.cpu - before) as f64 / asleep as f64
        }
    }

    #[test]
    fn polls_where_the_next_request_comes_sooner_than_a_sleep_takes() {
        for gap in [1, 5, 12] {
            let mut machine = Machine::new();
            let share = machine.serve(20_000_000, || gap);
            let polled = machine.polled_turns as f64 / machine.responses as f64;
            assert!(
                polled > 0.9,
                "gap {gap}: polled in {polled:.3} of the turns"
            );
            let ideal = (SERVICE + gap) as f64 / (SERVICE + SLEEP) as f64;
            assert!(share < ideal + 0.05, "gap {gap}: {share:.3} of sleeping");
        }
    }

    /// Also where a request comes soon after some, and late after others.
    #[test]
    fn takes_no_more_cpu_time_than_a_worker_that_sleeps() {
        for gap in [22, 25, 40, 59, 61, 100, 1_000, 10_000, 100_000] {
            let share = Machine::new().serve(60_000_000, || gap);
            assert!(share < 1.01, "gap {gap}: {share:.4} of sleeping");
        }
        for (soon, late) in [(5, 200), (30, 500), (1, 61)] {
            let mut turn = 0;
            let share = Machine::new().serve(60_000_000, || {
                turn += 1;
                if turn % 2 == 0 { soon } else { late }
            });
            assert!(share < 1.01, "{soon} and {late}: {share:.4} of sleeping");
        }
    }

    #[test]
    fn follows_a_load_that_changes() {
        let mut machine = Machine::new();
        machine.serve(5_000_000, || 5);
        assert!(machine.poller.is_polling);
        assert!(machine.serve(10_000_000, || 2_000) < 1.01);
        assert!(!machine.poller.is_polling);
        machine.serve(20_000_000, || 5);
        assert!(machine.poller.is_polling, "it polls again");
    }

    #[test]
    fn a_fixed_time_is_kept_and_off_is_off() {
        let long = BusyPolling::For(Duration::from_millis(3));
        assert_eq!(Poller::new(long).poll_micros(), 3_000);
        assert_eq!(Poller::new(BusyPolling::Off).poll_micros(), 0);
        assert_eq!(Poller::new(BusyPolling::Auto).poll_micros(), 0);
        for mode in [BusyPolling::Auto, BusyPolling::Off, long] {
            assert_eq!(BusyPolling::from(mode.time()), mode);
        }
    }
}
