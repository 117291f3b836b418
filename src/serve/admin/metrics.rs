//! The metrics, in the words of Prometheus: <https://prometheus.io/docs/practices/naming/>.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::snapshot::{Snapshot, Worker};
use crate::exposition::{self, Format, Histogram, Labels, Writer, family};
use crate::server::ServiceTimes;

/// The upper bounds of the histogram, in microseconds: those of which [`ServiceTimes`] has exact counts.
const BOUNDS: [u64; 20] = [
    5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000,
    500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000,
];

pub(super) fn encode(snapshot: Snapshot, times: ServiceTimes, format: Format) -> String {
    exposition::encode(Metrics { snapshot, times }, format)
}

#[derive(Debug)]
struct Metrics {
    snapshot: Snapshot,
    times: ServiceTimes,
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Writer(&mut encoder);
        self.about(&mut out)?;
        self.requests(&mut out)?;
        self.connections(&mut out)?;
        self.workers(&mut out)?;
        self.log(&mut out)?;
        self.process(&mut out)
    }
}

impl Metrics {
    fn about(&self, out: &mut Writer<'_, '_>) -> fmt::Result {
        let Snapshot {
            version, commit, ..
        } = &self.snapshot;
        let revision = commit.clone().unwrap_or_default();
        let labels = [("version", version.clone()), ("revision", revision)];
        let about = family(
            "hullo_build",
            None,
            "A constant 1, labelled with the version and the commit.",
        );
        out.info(&about, &labels)?;
        let ready = family(
            "hullo_ready",
            None,
            "Whether new connections are welcome: 0 from the moment that the server drains.",
        );
        out.gauge(&ready, u64::from(self.snapshot.ready))
    }

    fn requests(&self, out: &mut Writer<'_, '_>) -> fmt::Result {
        let Snapshot {
            requests, refusals, ..
        } = &self.snapshot;
        let by_status = requests.by_status.iter();
        let by_status = by_status.map(|count| (count.status, count.total));
        // A rate needs a value before the first one.
        let has_ok = requests.by_status.iter().any(|count| count.status == 200);
        let none = (!has_ok).then_some((200, 0));
        out.counters(
            &family(
                "hullo_requests",
                None,
                "Requests, by the status code of their response; those that were refused are among them.",
            ),
            none.into_iter().chain(by_status).map(|(status, count)| {
                (vec![("code", status.to_string())], count)
            }),
        )?;
        out.counters(
            &family(
                "hullo_refusals",
                None,
                "Requests, and connections over the limit, that were refused.",
            ),
            refusals.iter().map(|count| {
                let code = count.status.to_string();
                (
                    vec![("reason", count.reason.clone()), ("code", code)],
                    count.total,
                )
            }),
        )?;
        let duration = family(
            "hullo_request_duration",
            Some(Unit::Seconds),
            "Time from the wake-up that brought the end of a request until its response was handed to the kernel; without the time in which it waited for a busy worker.",
        );
        out.histogram(&duration, &histogram(&self.times))
    }

    fn connections(&self, out: &mut Writer<'_, '_>) -> fmt::Result {
        let Snapshot {
            connections,
            traffic,
            workers,
            ..
        } = &self.snapshot;
        let accepted = family(
            "hullo_connections_accepted",
            None,
            "Accepted connections, those as well that were over the limit and refused.",
        );
        out.counters(&accepted, of_workers(workers, |worker| worker.accepted))?;
        let open = family(
            "hullo_connections_open",
            None,
            "Connections that are open now.",
        );
        out.gauges(&open, of_workers(workers, |worker| worker.open))?;
        out.counters(
            &family(
                "hullo_connections_closed",
                None,
                "Connections that were closed.",
            ),
            connections
                .closed
                .iter()
                .map(|count| (vec![("reason", count.reason.clone())], count.total)),
        )?;
        let received = family(
            "hullo_received",
            Some(Unit::Bytes),
            "Bytes read from peers.",
        );
        out.counter(&received, traffic.received_bytes)?;
        let sent = family("hullo_sent", Some(Unit::Bytes), "Bytes written to peers.");
        out.counter(&sent, traffic.sent_bytes)
    }

    fn workers(&self, out: &mut Writer<'_, '_>) -> fmt::Result {
        let workers = &self.snapshot.workers;
        let busy = family(
            "hullo_worker_busy",
            Some(Unit::Seconds),
            "Time in which a worker was awake: its rate is near 1 when the worker is the bottleneck.",
        );
        out.counters(&busy, of_workers(workers, |worker| worker.busy_seconds))?;
        let requests = family("hullo_worker_requests", None, "Requests, by worker.");
        out.counters(&requests, of_workers(workers, |worker| worker.requests))?;
        let wake_ups = family("hullo_worker_wakeups", None, "Times that a worker woke up.");
        out.counters(&wake_ups, of_workers(workers, |worker| worker.wake_ups))
    }

    fn log(&self, out: &mut Writer<'_, '_>) -> fmt::Result {
        let dropped = family(
            "hullo_access_log_dropped_lines",
            None,
            "Lines that the access log has dropped, because its destination was slow or full.",
        );
        let count = self.snapshot.log_lines_dropped;
        count.map_or(Ok(()), |count| out.counter(&dropped, count))
    }

    /// As Prometheus's own clients call them.
    fn process(&self, out: &mut Writer<'_, '_>) -> fmt::Result {
        let Snapshot {
            process, started, ..
        } = &self.snapshot;
        let cpu = family(
            "process_cpu",
            Some(Unit::Seconds),
            "Total user and system CPU time spent in seconds.",
        );
        out.counter(&cpu, process.cpu_seconds)?;
        let started_at = family(
            "process_start_time",
            Some(Unit::Seconds),
            "Start time of the process since unix epoch in seconds.",
        );
        out.gauge(&started_at, *started)?;
        let resident = family(
            "process_resident_memory",
            Some(Unit::Bytes),
            "Resident memory size in bytes.",
        );
        out.gauge_if_known(&resident, process.resident_bytes)?;
        let virtual_memory = family(
            "process_virtual_memory",
            Some(Unit::Bytes),
            "Virtual memory size in bytes.",
        );
        out.gauge_if_known(&virtual_memory, process.virtual_bytes)?;
        let open = family("process_open_fds", None, "Number of open file descriptors.");
        out.gauge_if_known(&open, process.open_files)?;
        let most = family(
            "process_max_fds",
            None,
            "Maximum number of open file descriptors.",
        );
        out.gauge(&most, process.max_files)
    }
}

fn of_workers<'a, V>(
    workers: &'a [Worker],
    value: impl Fn(&Worker) -> V + 'a,
) -> impl Iterator<Item = (Labels, V)> + 'a {
    let row = move |worker: &Worker| (vec![("worker", worker.number.to_string())], value(worker));
    workers.iter().map(row)
}

fn histogram(times: &ServiceTimes) -> Histogram {
    let within = |micros| {
        let time = Duration::from_micros(micros);
        (time.as_secs_f64(), times.count_within(time))
    };
    Histogram {
        within: BOUNDS.map(within).to_vec(),
        count: times.count(),
        sum: times.sum().as_secs_f64(),
    }
}
