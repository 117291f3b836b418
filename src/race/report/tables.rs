//! The tables: cells of text, the same for the terminal, Markdown and the page.

use std::collections::BTreeMap;

use super::narrative::heading;
use super::rows::{CPU, FAILED, IDLE, Measure, REST, Row, SPEED, rounds_run, rows};
use super::series::Series;
use crate::race::counters::Counts;
use crate::race::format::{NONE, bytes, count, figure, percent, sign, time};
use crate::race::probe;
use crate::race::record::{Bound, Finding, Measurement, Record, Suite};
use crate::terminal::clean;

/// How a server did in a probe.
pub(super) const RIGHT: &str = "✓";
pub(super) const WRONG: &str = "✗";
const NOT_ASKED: &str = "not asked";

pub(super) struct Table {
    /// Empty where the heading above says it all.
    pub(super) title: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// How many columns from the left are text; the others are figures.
    pub(super) text_columns: usize,
    pub(super) notes: Vec<String>,
}

pub(super) type Column = (&'static str, fn(&Row) -> Option<String>);

impl Table {
    fn new(title: &str, names: impl Iterator<Item = String>) -> Self {
        Self {
            title: title.to_owned(),
            head: vec![String::new()],
            rows: names.map(|name| vec![name]).collect(),
            text_columns: 1,
            notes: Vec::new(),
        }
    }

    pub(super) fn of(title: &str, rows: &[Row], columns: &[Column]) -> Self {
        Self::new(title, rows.iter().map(|row| row.name.clone())).columns(rows, columns)
    }

    pub(super) fn columns(self, rows: &[Row], columns: &[Column]) -> Self {
        let add = |table: Self, (head, cell): &Column| table.column(head, rows.iter().map(cell));
        columns.iter().fold(self, add)
    }

    /// Adds a column, unless all of its cells are empty.
    pub(super) fn column(
        mut self,
        head: &str,
        cells: impl Iterator<Item = Option<String>>,
    ) -> Self {
        let cells: Vec<_> = cells.map(|cell| cell.filter(|cell| cell != NONE)).collect();
        if cells.iter().any(Option::is_some) {
            self.head.push(head.to_owned());
            for (row, cell) in self.rows.iter_mut().zip(cells) {
                row.push(cell.unwrap_or(NONE.to_owned()));
            }
        }
        self
    }

    /// Adds the median, the range and the ratio.
    pub(super) fn measure(self, rows: &[Row], measure: &Measure) -> Self {
        let median = |row: &Row| Some((measure.show)(measure.of(row)?.median));
        let range = |row: &Row| {
            let compared = measure.of(row).filter(|_| row.summary.rounds > 1)?;
            let [least, greatest] = [compared.least, compared.greatest].map(measure.show);
            Some(if least == greatest {
                least
            } else {
                format!("{least}–{greatest}")
            })
        };
        self.column(measure.head, rows.iter().map(median))
            .column("Range", rows.iter().map(range))
            .column("Ratio", rows.iter().map(|row| measure.comparison(row)))
    }
}

/// The article's own table: its columns verbatim, a row for each test and target.
pub(super) fn article(record: &Record) -> Option<Table> {
    const COLUMNS: [Column; 5] = [
        ("Requests", |row| Some(count(row.middle()?.requests))),
        ("Concurrency", |row| Some(count(row.test.connections))),
        ("Time Taken", |row| {
            let seconds = row.middle()?.elapsed_ns as f64 / 1e9;
            Some(format!("{} s", figure(seconds)))
        }),
        ("Errors", |row| Some(count(row.middle()?.all_errors()))),
        ("Requests/sec", |row| {
            Some(figure(row.middle()?.requests_per_second))
        }),
    ];
    let tests = record.tests.iter();
    let tests = tests.filter(|test| test.suite == Suite::Article);
    let rows: Vec<Row> = tests.flat_map(|test| rows(record, &[test])).collect();
    let mut table = Table::of("The article's table", &rows, &COLUMNS);
    "Language".clone_into(&mut table.head[0]);
    let (most, rounds) = rounds_run(rows.iter().map(|row| row.summary));
    table.notes = vec![
        "These are the columns of the article that hullo began with. It measured two greeting servers with the load generator hey: one in Go (net/http), one in Rust (warp).".to_owned(),
        format!("A row is one round, with its own errors: of {rounds} rounds the one in the middle by requests/s."),
    ];
    table.notes.truncate(most.clamp(1, 2));
    let failures = rows.iter().filter_map(|row| {
        let (title, failure) = (clean(&row.test.title), row.failure()?);
        Some(format!(
            "{} failed in {title}: {failure} in all rounds.",
            row.name
        ))
    });
    table.notes.extend(failures);
    (!table.rows.is_empty()).then_some(table)
}

/// What a request, or an idle connection, costs in each test. Nothing with a single test, whose own
/// tables say the same.
pub(super) fn overview(record: &Record) -> Option<Table> {
    let names = record.targets.iter().map(|target| clean(&target.name));
    let mut table = Table::new("Cost", names);
    for test in record
        .tests
        .iter()
        .filter(|test| Series::of(test).is_none())
    {
        let rows = rows(record, &[test]);
        let (measure, unit) = match (test.suite, test.is_rest()) {
            (Suite::Idle, _) => (IDLE, "memory"),
            (_, true) => (REST, "µs/s"),
            _ => (CPU, "µs"),
        };
        let cell = |number| {
            let row = rows.iter().find(|row| row.number == number)?;
            if row.failure().is_some() {
                return Some(FAILED.to_owned());
            }
            let figure = (measure.show)(measure.of(row)?.median);
            let sign = measure.ratio(row).map(sign);
            Some(format!("{figure}{}", sign.unwrap_or_default()))
        };
        let head = format!("{}: {unit}", heading(record, test));
        table = table.column(&head, (0..record.targets.len()).map(cell));
    }
    table.notes = vec!["CPU time per request, or memory per idle connection. × is the ratio to the first server, ≈ means no difference, ? a difference that more rounds might show.".to_owned()];
    (table.head.len() > 2).then_some(table)
}

/// Of a request, in the middle round.
fn count_of(row: &Row, of: fn(&Counts) -> Option<u64>) -> Option<String> {
    let count = row.median(|round| {
        let counts = round.server.as_ref()?.counts.as_ref()?;
        Some(of(counts)? as f64 / round.requests as f64)
    });
    count.map(figure)
}

const COUNTS: [Column; 4] = [
    ("Instructions/request", |row| {
        count_of(row, |of| of.instructions)
    }),
    ("Cycles/request", |row| count_of(row, |of| of.cycles)),
    ("Cache misses/request", |row| {
        count_of(row, |of| of.cache_misses)
    }),
    ("Instructions/cycle", |row| {
        let ratio = row.median(|round| {
            let counts = round.server.as_ref()?.counts.as_ref()?;
            Some(counts.instructions? as f64 / counts.cycles? as f64)
        });
        ratio.map(figure)
    }),
];

/// The tables of a test with requests.
pub(super) fn work(rows: &[Row]) -> Vec<Table> {
    const ANSWERS: [Column; 4] = [
        ("Peak memory", |row| {
            let servers = row.rounds.iter().filter_map(|round| round.server.as_ref());
            let peak = servers.map(|server| server.rss_peak_bytes).max()?;
            Some(bytes(peak as f64))
        }),
        ("Bytes per answer", |row| {
            row.median(|round| round.response_bytes).map(figure)
        }),
        ("Switches per request", |row| {
            let switches = row.median(|round| {
                let server = round.server.as_ref()?;
                let both = server.voluntary_switches as f64 + server.involuntary_switches as f64;
                Some(both / round.requests as f64)
            });
            switches.map(figure)
        }),
        ("Full handshakes", |row| {
            // Of connections that persist there are few.
            let of = |round: &Measurement| {
                let of = round.handshakes.filter(|_| !row.test.keepalive)?;
                Some(of.full as f64 / of.full.saturating_add(of.resumed) as f64)
            };
            row.median(of).map(percent)
        }),
    ];
    let mut speed = Table::of("Speed", rows, &[]).measure(rows, &SPEED);
    speed = speed.columns(rows, &BOUND);
    speed.notes = errors(rows);
    let cpu = Table::of("CPU", rows, &[]).measure(rows, &CPU);
    let latency = Table::of("Latency", rows, &PERCENTILES);
    let answers = Table::of("Memory and answers", rows, &ANSWERS);
    let counts = Table::of("Processor", rows, &COUNTS);
    let mut tables = vec![speed, cpu.columns(rows, &BUSY), latency, answers, counts];
    tables.retain(|table| table.head.len() > 1);
    tables
}

pub(super) const BUSY: [Column; 2] = [
    ("Server busy", |row| {
        let busy = row.median(|round| Some(round.server.as_ref()?.utilisation));
        busy.map(percent)
    }),
    ("Generator busy", |row| row.generator_busy().map(percent)),
];

pub(super) const BOUND: [Column; 1] =
    [("Bound by", |row| Some(bound(row.summary.bound).to_owned()))];

pub(super) const PERCENTILES: [Column; 5] = [
    ("p50", |row| row.percentile(50.0).map(time)),
    ("Interval", |row| row.interval(50.0)),
    ("p99", |row| row.percentile(99.0).map(time)),
    ("Interval", |row| row.interval(99.0)),
    ("p99.9", |row| row.percentile(99.9).map(time)),
];

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Server => "server",
        Bound::Generator => "generator",
        Bound::Shared => "both",
        Bound::Neither => "neither",
        Bound::Unknown => "not known",
    }
}

pub(super) fn idle(rows: &[Row]) -> Vec<Table> {
    let mut table = Table::of("Memory", rows, &[]).measure(rows, &IDLE);
    table.notes = errors(rows);
    vec![table]
}

/// Of a server with idle connections.
pub(super) fn rest(rows: &[Row]) -> Vec<Table> {
    let mut table = Table::of("CPU", rows, &[]).measure(rows, &REST);
    table.notes = errors(rows);
    vec![table]
}

/// Of the open model: target by target, from the lowest rate to the highest.
pub(super) fn rate(rows: &[Row]) -> Table {
    const COLUMNS: [Column; 3] = [
        ("Load", |row| row.test.load.map(percent)),
        ("Asked/s", |row| row.median(|round| round.rate).map(figure)),
        ("Achieved/s", |row| Some(figure(SPEED.of(row)?.median))),
    ];
    const SHORT: [Column; 3] = [PERCENTILES[0], PERCENTILES[2], PERCENTILES[4]];
    const RESULT: Column = ("Result", |row| row.failure().map(|_| FAILED.to_owned()));
    let mut table = Table::of("", rows, &COLUMNS).columns(rows, &SHORT);
    table = table.columns(rows, &[RESULT]);
    table.notes = errors(rows);
    let load = "Load is the share of a server's own greatest rate that it was asked for.";
    table.notes.push(load.to_owned());
    table
}

/// `Errors of Go: 1 connect, 3 timeout.`, a line for each target that had any.
pub(super) fn errors(rows: &[Row]) -> Vec<String> {
    let line = |rows: &[Row]| {
        let mut kinds = BTreeMap::new();
        let rounds = rows.iter().flat_map(|row| &row.rounds);
        for (kind, number) in rounds.flat_map(|round| &round.errors) {
            let sum = kinds.entry(kind).or_insert(0_u64);
            *sum = sum.saturating_add(*number);
        }
        kinds.retain(|_, number| *number > 0);
        let kinds = kinds.iter();
        let kinds = kinds.map(|(kind, number)| format!("{} {}", count(*number), clean(kind)));
        let kinds: Vec<String> = kinds.collect();
        let name = &rows.first()?.name;
        (!kinds.is_empty()).then(|| format!("Errors of {name}: {}.", kinds.join(", ")))
    };
    let of_targets = rows.chunk_by(|a, b| a.number == b.number);
    of_targets.filter_map(line).collect()
}

/// The first finding of each probe.
fn probed(record: &Record) -> Vec<&Finding> {
    let findings = record.targets.iter().flat_map(|target| &target.behaviour);
    let mut probes: Vec<&Finding> = Vec::new();
    for finding in findings {
        if !probes.iter().any(|probe| probe.id == finding.id) {
            probes.push(finding);
        }
    }
    probes
}

/// What each probe asks, if this version knows it, and whether all servers did right.
pub(super) fn probes(record: &Record) -> Vec<(String, bool)> {
    let all_right = |id: &str| {
        let mut findings = record.targets.iter().flat_map(|target| &target.behaviour);
        findings.all(|finding| finding.right || finding.id != id)
    };
    let legend = |probe: &Finding| {
        let legend = probe::legend(&probe.id)?;
        let title = clean(&probe.title);
        Some((format!("{title}: {legend}."), all_right(&probe.id)))
    };
    probed(record).into_iter().filter_map(legend).collect()
}

/// A row for each server, a column for each probe: whether it did as the RFC requires, and what it did
/// if not.
pub(super) fn behaviour(record: &Record) -> Option<Table> {
    let probes = probed(record);
    let names = record.targets.iter().map(|target| clean(&target.name));
    let all = record.targets.iter().map(|target| &target.behaviour);
    let right = all.clone().map(|findings| {
        let right = findings.iter().filter(|found| found.right).count();
        (!findings.is_empty()).then(|| format!("{right} of {}", findings.len()))
    });
    let mut table = Table::new("", names).column("Right", right);
    for probe in &probes {
        let cells = all.clone().map(|findings| {
            let found = findings.iter().find(|found| found.id == probe.id);
            let Some(found) = found else {
                // Over TLS some probes have no meaning, and others only there.
                return (!findings.is_empty()).then(|| NOT_ASKED.to_owned());
            };
            Some(if found.right {
                RIGHT.to_owned()
            } else {
                format!("{WRONG} {}", clean(&found.saw))
            })
        });
        table = table.column(&clean(&probe.title), cells);
    }
    table.text_columns = table.head.len();
    (!probes.is_empty()).then_some(table)
}

/// The same with a line for each server and what it did wrong, for a terminal.
pub(super) fn departures(behaviour: &Table) -> Vec<String> {
    let line = |row: &Vec<String>| {
        let cells = behaviour.head.iter().zip(row).skip(2);
        let wrong = cells.filter_map(|(probe, cell)| {
            let saw = cell.strip_prefix(WRONG)?;
            Some(format!("{probe}:{saw}"))
        });
        let wrong: Vec<String> = wrong.collect();
        let (name, right) = (row.first()?, row.get(1)?);
        let colon = if wrong.is_empty() { "" } else { "; " };
        Some(format!("{name}: {right}{colon}{}", wrong.join("; ")))
    };
    behaviour.rows.iter().filter_map(line).collect()
}
