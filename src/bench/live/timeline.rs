//! `--timeline`: a histogram for each interval of a run, as JSON lines, or as the interval log of `HdrHistogram`
//! where the name of the file ends in `.hlog`.
//!
//! `timeline.schema.json` is derived from [`Interval`] and its comments.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use serde::Serialize;

use super::frame::Frame;
use super::slice::Totals;
use super::writer::Writer;
use crate::bench::distribution::Distribution;
use crate::bench::error::ErrorCounts;
use crate::bench::report::ratio;

/// It changes when a reader of the old one would misread the new one.
const FORMAT: &str = "hullo-bench-timeline/1";

/// A line of hullo bench --timeline: what happened in an interval. Times are in nanoseconds unless their name
/// says otherwise. All intervals of a run, joined, are its report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "hullo bench, an interval"))]
#[serde(deny_unknown_fields)]
pub(in crate::bench) struct Interval {
    #[cfg_attr(test, schemars(extend("const" = FORMAT)))]
    format: String,
    /// With --repeat: its number.
    #[cfg_attr(test, schemars(range(min = 1)))]
    run: u32,
    started_unix_ms: u64,
    /// Since the run began. A request counts when it ends.
    start_ns: u64,
    #[cfg_attr(test, schemars(range(min = 1)))]
    end_ns: u64,
    /// Complete answers, including those that were not expected.
    responses: u64,
    requests_per_second: f64,
    errors: ErrorCounts,
    body_bytes: u64,
    received_bytes: u64,
    connections_opened: u64,
    /// At the end of the interval.
    in_flight: u64,
    /// Of complete answers. In the open model: from when a request was due.
    latency: Distribution,
    /// Open model: of complete answers, from when a request was sent.
    service: Distribution,
}

#[derive(Debug)]
enum Format {
    Lines,
    Log,
}

#[derive(Debug)]
pub(super) struct Timeline {
    writer: Writer,
    format: Format,
    run: u32,
    /// When the first run and this one began, in Unix milliseconds.
    first_unix_ms: Option<u64>,
    started_unix_ms: u64,
    /// Of the run, when the last interval ended.
    totals: Totals,
}

impl Timeline {
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        let is_log = path
            .extension()
            .is_some_and(|extension| extension == "hlog");
        Ok(Self {
            writer: Writer::create(path)?,
            format: if is_log { Format::Log } else { Format::Lines },
            run: 0,
            first_unix_ms: None,
            started_unix_ms: 0,
            totals: Totals::default(),
        })
    }

    pub(super) fn begin_run(&mut self, started_unix_ms: u64) {
        self.run += 1;
        self.first_unix_ms.get_or_insert(started_unix_ms);
        self.started_unix_ms = started_unix_ms;
        self.totals = Totals::default();
    }

    pub(super) fn add(&mut self, frame: &Frame) {
        let piece = match self.format {
            Format::Lines => self.line(frame),
            Format::Log => self.log(frame),
        };
        self.totals.clone_from(&frame.totals);
        self.writer.put(piece);
    }

    pub(super) fn finish(self) -> Result<(), String> {
        self.writer.finish()
    }

    fn line(&self, frame: &Frame) -> Vec<u8> {
        let interval = interval(self.run, self.started_unix_ms, frame, &self.totals);
        let text = serde_json::to_string(&interval);
        let text = text.expect("an interval has nothing that JSON cannot hold");
        (text + "\n").into_bytes()
    }

    /// The writer of logs begins with a head, which the file has once.
    fn log(&self, frame: &Frame) -> Vec<u8> {
        let first = self.first_unix_ms.unwrap_or(self.started_unix_ms);
        let mut builder = IntervalLogWriterBuilder::new();
        builder
            .add_comment("[Latencies in nanoseconds; Interval_Max in milliseconds]")
            .with_start_time(UNIX_EPOCH + Duration::from_millis(first))
            .with_base_time(UNIX_EPOCH + Duration::from_millis(first))
            .with_max_value_divisor(1e6);
        let mut serializer = V2DeflateSerializer::new();
        let mut text = Vec::new();
        let since = Duration::from_millis(self.started_unix_ms.saturating_sub(first));
        let start = since + Duration::from_nanos(frame.start);
        let length = Duration::from_nanos(frame.end - frame.start);
        let histogram = frame.latency.histogram();
        // It writes into a vector, which does not fail.
        if let Ok(mut log) = builder.begin_log_with(&mut text, &mut serializer) {
            let _ = log.write_histogram(histogram, start, length, None::<Tag<'_>>);
        }
        if self.run > 1 || frame.start > 0 {
            let last = text
                .trim_ascii_end()
                .iter()
                .rposition(|byte| *byte == b'\n');
            text.drain(..last.map_or(0, |end| end + 1));
        }
        text
    }
}

/// The counts since the interval before it, whose totals are `before`.
fn interval(run: u32, started_unix_ms: u64, frame: &Frame, before: &Totals) -> Interval {
    let since = |of: fn(&Totals) -> u64| of(&frame.totals).saturating_sub(of(before));
    let responses = since(|totals| totals.responses);
    let length = frame.end - frame.start;
    Interval {
        format: FORMAT.to_owned(),
        run,
        started_unix_ms,
        start_ns: frame.start,
        end_ns: frame.end,
        responses,
        requests_per_second: ratio(responses as f64 * 1e9, length as f64),
        errors: frame.totals.errors.since(&before.errors),
        body_bytes: since(|totals| totals.body_bytes),
        received_bytes: since(|totals| totals.received_bytes),
        connections_opened: since(|totals| totals.connections_opened),
        in_flight: frame.totals.in_flight,
        latency: Distribution::of(&frame.latency),
        service: Distribution::of(&frame.service),
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    fn frames() -> Vec<Frame> {
        let mut totals = Totals::default();
        (0..3_u64)
            .map(|number| {
                let mut frame = Frame {
                    start: number * 1_000_000_000,
                    end: (number + 1) * 1_000_000_000,
                    ..Frame::default()
                };
                frame.latency.record(1_000_000 * (number + 1), 10 + number);
                totals.responses += 10 + number;
                totals.errors.timeout += number;
                totals.in_flight = number;
                frame.totals = totals.clone();
                frame
            })
            .collect()
    }

    #[test]
    fn an_interval_has_its_own_counts() {
        let frames = frames();
        let second = interval(1, 5, &frames[1], &frames[0].totals);
        assert_eq!(
            (second.responses, second.errors.total(), second.in_flight),
            (11, 1, 1)
        );
        assert!((second.requests_per_second - 11.0).abs() < 1e-9);
        assert_eq!(
            (second.latency.count, second.latency.max_ns),
            (11, 2_000_000)
        );
    }

    /// The reader of logs finds what was written.
    #[test]
    fn a_log_is_read_back() {
        let path = std::env::temp_dir().join(format!("hullo-timeline-{}.hlog", std::process::id()));
        let mut timeline = Timeline::create(&path).unwrap();
        timeline.begin_run(1_700_000_000_000);
        for frame in &frames() {
            timeline.add(frame);
        }
        timeline.begin_run(1_700_000_010_000);
        timeline.add(&frames()[0]);
        timeline.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let _ = std::fs::remove_file(&path);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(text.matches("StartTime").count(), 1, "{text}");
        let mut read = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            if let LogEntry::Interval(interval) = entry.unwrap() {
                let bytes = BASE64_STANDARD
                    .decode(interval.encoded_histogram())
                    .unwrap();
                let histogram: Histogram<u64> = Deserializer::new()
                    .deserialize(&mut bytes.as_slice())
                    .unwrap();
                let start = interval.start_timestamp().as_millis();
                read.push((
                    start,
                    interval.duration().as_millis(),
                    histogram.len(),
                    histogram.max() / 1_000_000,
                ));
            }
        }
        let expected = [
            (0, 1000, 10, 1),
            (1000, 1000, 11, 2),
            (2000, 1000, 12, 3),
            (10_000, 1000, 10, 1),
        ];
        assert_eq!(read, expected, "{text}");
    }
}
