//! The section of a series of tests: a table with all of them, and a curve for each server.

use super::narrative::{self, failures};
use super::rows::{CPU, Row, SPEED, rows};
use super::section::{Axes, Chart, Scale, Section, Unit, lines, rank};
use super::series::Series;
use super::tables::{self, Column, Table};
use crate::race::format::{count, figure};
use crate::race::record::{Axis, Record, Suite, Test};

/// With all of its tests that were measured.
pub(super) fn section(series: Series, record: &Record) -> Option<Section> {
    let tests = record.tests.iter();
    let mut tests: Vec<&Test> = tests
        .filter(|test| Series::of(test) == Some(series))
        .collect();
    tests.sort_by(|a, b| Series::at(a).total_cmp(&Series::at(b)));
    let by_server = rows(record, &tests);
    let by_test: Vec<Row> = tests
        .iter()
        .flat_map(|test| rows(record, &[test]))
        .collect();
    let test = by_server.first()?.test;
    let (title, result, tables) = match series {
        Series::Load => (
            "Latency over rate".to_owned(),
            narrative::rate(&by_server),
            vec![tables::rate(&by_server)],
        ),
        Series::Offered => (
            "Cost of the same work".to_owned(),
            offered(&by_test),
            offered_tables(&by_test),
        ),
        Series::Sweep(suite, axis) => (
            sweep_title(suite, axis),
            swept(&by_test, axis),
            sweep_tables(&by_test, axis),
        ),
    };
    let charts = charts(series, &title, &by_server);
    Some(Section {
        title,
        result,
        charts,
        tables,
        rank: rank(test),
    })
}

fn charts(series: Series, title: &str, rows: &[Row]) -> Vec<Chart> {
    let (x, over) = match series {
        Series::Load => (Scale::Rate, "the rate"),
        Series::Offered => (Scale::Offered, "the rate"),
        Series::Sweep(_, Axis::Connections) => (Scale::Connections, "connections"),
        Series::Sweep(_, Axis::Pipeline) => (Scale::Pipeline, "pipelined requests"),
    };
    let place = |row: &Row| match series {
        // Of its own greatest rate, a server may miss a part.
        Series::Load => row
            .median(|round| round.rate)
            .filter(|rate| *rate > 0.0 && row.failure().is_none()),
        _ => Some(Series::at(row.test)).filter(|_| row.is_compared()),
    };
    let chart = |name: &str, better: &str, unit, figure: &dyn Fn(&Row) -> Option<f64>| {
        let caption = format!("{name} over {over}: {better}");
        let axes = Axes { x, y: unit };
        lines(&caption, title, rows, axes, |row| {
            place(row).zip(figure(row)).into_iter().collect()
        })
    };
    let lower = "lower is better";
    let percentile = |percent| move |row: &Row| row.percentile(percent);
    let cpu = |row: &Row| Some(CPU.of(row)?.median);
    let charts = match series {
        Series::Load => [
            chart("p50", lower, Unit::Time, &percentile(50.0)),
            chart("p99", lower, Unit::Time, &percentile(99.0)),
            None,
        ],
        Series::Offered => [
            chart("CPU per request", lower, Unit::Time, &cpu),
            chart("p99", lower, Unit::Time, &percentile(99.0)),
            None,
        ],
        Series::Sweep(..) => [
            chart("Requests/s", "more is better", Unit::Rate, &|row| {
                Some(SPEED.of(row)?.median)
            }),
            chart("CPU per request", lower, Unit::Time, &cpu),
            chart("p99", lower, Unit::Time, &percentile(99.0)),
        ],
    };
    charts.into_iter().flatten().collect()
}

/// At the highest rate that all held, or else that most did; and who did not hold which.
fn offered(rows: &[Row]) -> String {
    let mut said = failures(rows);
    let at_rates: Vec<&[Row]> = rows.chunk_by(|a, b| a.test.id == b.test.id).collect();
    let held = |rows: &[Row]| rows.iter().filter(|row| row.is_compared()).count();
    // Of those that as many held, the highest.
    let most = at_rates.iter().max_by_key(|rows| held(rows));
    if let Some(rows) = most.filter(|rows| held(rows) > 0)
        && let Some(told) = narrative::compared(&CPU, rows)
    {
        let rate = rows.first().map_or(0.0, |row| Series::at(row.test));
        said.push(format!("At {} requests/s: {told}", figure(rate)));
    }
    said.extend(at_rates.iter().filter_map(|rows| missed(rows)));
    if said.is_empty() {
        "No rate was measured.".to_owned()
    } else {
        said.join(" ")
    }
}

/// `Did not make 100,000 requests/s: Go (server), warp (connections).`
fn missed(rows: &[Row]) -> Option<String> {
    let rate = figure(Series::at(rows.first()?.test));
    let missed = rows.iter().filter_map(|row| {
        let why = row.missed()?;
        Some(format!("{} ({why})", row.name))
    });
    narrative::listed(&format!("Did not make {rate} requests/s"), missed.collect())
}

/// Of what the tests differ in.
const RATE: Column = ("Rate/s", |row| row.test.offered_rate.map(figure));

fn offered_tables(rows: &[Row]) -> Vec<Table> {
    const ACHIEVED: Column = ("Achieved/s", |row| Some(figure(SPEED.of(row)?.median)));
    let mut cost = Table::of("CPU", rows, &[RATE]).measure(rows, &CPU);
    cost.notes = tables::errors(rows);
    cost.notes.push("All servers are asked for the same rate. One that did not make it in most rounds is marked, and not compared at that rate: requests without an answer became more and more (server), the rate takes more connections at its latency (connections), or the generator could not send it (generator).".to_owned());
    let latency = Table::of("Latency", rows, &[RATE]).columns(rows, &tables::PERCENTILES);
    let load = Table::of("Load", rows, &[RATE, ACHIEVED]).columns(rows, &tables::BUSY);
    vec![cost, latency, load]
}

fn sweep_title(suite: Suite, axis: Axis) -> String {
    let of = match suite {
        Suite::Sweep => String::new(),
        suite => format!(" ({suite})"),
    };
    match axis {
        Axis::Connections => format!("Over the number of connections{of}"),
        Axis::Pipeline => format!("Over the number of pipelined requests{of}"),
    }
}

/// At the last value.
fn swept(rows: &[Row], axis: Axis) -> String {
    let last = rows.chunk_by(|a, b| a.test.id == b.test.id).next_back();
    let told = last.and_then(|rows| {
        let value = count(rows.first()?.test.sweep.as_ref()?.value);
        let of = match axis {
            Axis::Connections => "connections",
            Axis::Pipeline => "pipelined requests",
        };
        Some(format!("With {value} {of}: {}", narrative::work(rows)))
    });
    told.unwrap_or_default()
}

fn sweep_tables(rows: &[Row], axis: Axis) -> Vec<Table> {
    let head = match axis {
        Axis::Connections => "Connections",
        Axis::Pipeline => "Pipelined",
    };
    let table = |title: &str| {
        let value = |row: &Row| Some(count(row.test.sweep.as_ref()?.value));
        Table::of(title, rows, &[]).column(head, rows.iter().map(value))
    };
    let mut speed = table("Speed").measure(rows, &SPEED);
    speed.notes = tables::errors(rows);
    let cost = table("CPU").measure(rows, &CPU);
    let latency = table("Latency").columns(rows, &tables::PERCENTILES);
    let load = table("Load").columns(rows, &tables::BUSY);
    vec![speed, cost, latency, load.columns(rows, &tables::BOUND)]
}
