//! `--metrics`: how the run goes, for Prometheus, on a listener and a thread of its own.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::frame::Frame;
use super::slice::Totals;
use crate::bench::times::Times;
use crate::exposition::{self, Format, Histogram, Labels, Writer, family};
use crate::http::{
    Completion, Handler, Method, Request, Responded, Response, ResponseWriter, Status,
};
use crate::server::{Options, Server, ServerHandle};
use crate::terminal::note;

/// The upper bounds of the histogram, in microseconds.
const BOUNDS: [u64; 20] = [
    20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 60_000_000,
];

const CONNECTIONS_MAX: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// All runs so far.
#[derive(Clone, Debug, Default)]
struct State {
    url: String,
    run: u64,
    /// Of the runs before this one, and of this one.
    before: Totals,
    totals: Totals,
    latency: Times,
    /// Of the last interval.
    requests_per_second: f64,
    p50_ns: u64,
    p99_ns: u64,
}

type Shared = Arc<Mutex<State>>;

#[derive(Debug)]
pub(super) struct Metrics {
    state: Shared,
    /// It answers until it is dropped.
    _server: ServerHandle,
}

impl Metrics {
    /// Listens on this address.
    pub(super) fn start(address: SocketAddr, url: &str) -> Result<Self, String> {
        let state = State {
            url: url.to_owned(),
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let server = listen(address, &state)
            .map_err(|error| format!("cannot listen on {address} for --metrics: {error}"))?;
        note(
            "hullo bench",
            format!("metrics at http://{}/metrics", server.local_addr()),
        );
        Ok(Self {
            state,
            _server: server,
        })
    }

    pub(super) fn begin_run(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let totals = std::mem::take(&mut state.totals);
        state.before.add(&totals);
        state.run += 1;
    }

    pub(super) fn add(&self, frame: &Frame) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let answers = frame
            .totals
            .responses
            .saturating_sub(state.totals.responses);
        let seconds = (frame.end - frame.start) as f64 / 1e9;
        state.requests_per_second = answers as f64 / seconds;
        state.p50_ns = frame.latency.quantile(0.5);
        state.p99_ns = frame.latency.quantile(0.99);
        state.latency.add(&frame.latency);
        state.totals.clone_from(&frame.totals);
    }
}

fn listen(address: SocketAddr, state: &Shared) -> io::Result<ServerHandle> {
    let options = Options::default()
        .address(address)
        .workers(NonZeroUsize::MIN)
        .max_connections(CONNECTIONS_MAX);
    let server = Server::bind(options)?.thread_name("bench-metrics");
    let (queries, received) = channel();
    let state = Arc::clone(state);
    let thread = thread::Builder::new().name("bench-scrapes".to_owned());
    thread.spawn(move || answer(&received, &state))?;
    server.start(Scrapes(queries))
}

/// Answers queries until there is no handler any more. An event loop formats nothing.
fn answer(queries: &Receiver<(Format, Completion)>, state: &Shared) {
    for (format, completion) in queries {
        let state = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        completion.respond(format.response(exposition::encode(state, format)));
    }
}

#[derive(Clone)]
struct Scrapes(Sender<(Format, Completion)>);

impl Handler for Scrapes {
    const ALLOW: &'static str = "GET, HEAD, OPTIONS";

    fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        let is_read = matches!(request.method(), Method::Get | Method::Head);
        match request.path() {
            b"/metrics" if is_read => {
                let (completion, responded) = response.later();
                // A completion that is dropped answers 500.
                let _ = self.0.send((Format::of(request), completion));
                responded
            }
            _ => {
                let sentence = "Not found. There is GET /metrics.\n";
                response.respond(Response::text(sentence).with_status(Status::NOT_FOUND))
            }
        }
    }
}

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut all = self.before.clone();
        all.add(&self.totals);
        let mut out = Writer(&mut encoder);
        out.info(
            &family(
                "hullo_bench",
                None,
                "A constant 1, labelled with the version and the URL.",
            ),
            &[
                ("version", env!("CARGO_PKG_VERSION").to_owned()),
                ("url", self.url.clone()),
            ],
        )?;
        out.counter(
            &family("hullo_bench_runs", None, "Runs that have begun."),
            self.run,
        )?;
        let statuses = (0_u64..)
            .zip(&all.statuses)
            .filter(|(_, count)| **count > 0);
        out.counters(
            &family(
                "hullo_bench_responses",
                None,
                "Complete answers, by status code.",
            ),
            statuses.map(|(status, count)| (vec![("code", status.to_string())], *count)),
        )?;
        out.counters(
            &family("hullo_bench_errors", None, "Failed requests, by kind."),
            all.errors
                .rows()
                .map(|row| (vec![("kind", row.key.to_owned())], row.count)),
        )?;
        self.sizes(&all, &mut out)?;
        self.latencies(&mut out)
    }
}

impl State {
    fn sizes(&self, all: &Totals, out: &mut Writer<'_, '_>) -> fmt::Result {
        let opened = family(
            "hullo_bench_connections_opened",
            None,
            "Connections that were opened.",
        );
        out.counter(&opened, all.connections_opened)?;
        let received = family(
            "hullo_bench_received",
            Some(Unit::Bytes),
            "Bytes read from the server.",
        );
        out.counter(&received, all.received_bytes)?;
        let in_flight = family(
            "hullo_bench_in_flight_requests",
            None,
            "Requests that were sent and not answered, at the end of the last interval.",
        );
        out.gauge(&in_flight, self.totals.in_flight)?;
        let rate = family(
            "hullo_bench_recent_responses_per_second",
            None,
            "Complete answers per second in the last interval.",
        );
        out.gauge(&rate, self.requests_per_second)
    }

    fn latencies(&self, out: &mut Writer<'_, '_>) -> fmt::Result {
        let recent = family(
            "hullo_bench_recent_latency",
            Some(Unit::Seconds),
            "Percentiles of the latencies of the last interval.",
        );
        let rows = [("50", self.p50_ns), ("99", self.p99_ns)];
        let rows = rows.map(|(percentile, nanos)| {
            let labels: Labels = vec![("percentile", percentile.to_owned())];
            (labels, nanos as f64 / 1e9)
        });
        out.gauges(&recent, rows.into_iter())?;
        let latency = family(
            "hullo_bench_latency",
            Some(Unit::Seconds),
            "Latencies of complete answers; with --rate, from when a request was due. A time next to a bound may count on its other side: they are known to 0.1 %.",
        );
        out.histogram(&latency, &histogram(&self.latency))
    }
}

fn histogram(times: &Times) -> Histogram {
    let mut below = 0;
    let mut from = 0;
    let mut within = Vec::with_capacity(BOUNDS.len());
    for micros in BOUNDS {
        let nanos = micros * 1000;
        below += times.histogram().count_between(from, nanos);
        // The next one begins behind the bucket of this one.
        from = times.histogram().next_non_equivalent(nanos);
        within.push((micros as f64 / 1e6, below));
    }
    Histogram {
        within,
        count: times.count(),
        sum: times.sum() as f64 / 1e9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_those_of_all_runs() {
        let mut state = State {
            url: "http://127.0.0.1/".to_owned(),
            run: 2,
            ..State::default()
        };
        for micros in [10, 20, 30, 999, 1001, 90_000_000] {
            state.latency.record(micros * 1000, 2);
        }
        state.before.statuses = vec![0; 300];
        state.before.statuses[200] = 5;
        state.totals.statuses = vec![0; 600];
        state.totals.statuses[200] = 6;
        state.totals.statuses[503] = 1;
        state.before.errors.timeout = 3;
        state.totals.errors.timeout = 1;
        state.totals.in_flight = 9;
        let text = exposition::encode(state, Format::Prometheus);
        for line in [
            "hullo_bench_runs_total 2\n",
            "hullo_bench_responses_total{code=\"200\"} 11\n",
            "hullo_bench_responses_total{code=\"503\"} 1\n",
            "hullo_bench_errors_total{kind=\"timeout\"} 4\n",
            "hullo_bench_errors_total{kind=\"refused\"} 0\n",
            "hullo_bench_in_flight_requests 9\n",
            "hullo_bench_latency_seconds_bucket{le=\"2e-05\"} 4\n",
            "hullo_bench_latency_seconds_bucket{le=\"0.001\"} 8\n",
            "hullo_bench_latency_seconds_bucket{le=\"60\"} 10\n",
            "hullo_bench_latency_seconds_bucket{le=\"+Inf\"} 12\n",
            "hullo_bench_latency_seconds_count 12\n",
        ] {
            assert!(text.contains(line), "{line:?} is not in {text}");
        }
    }
}
