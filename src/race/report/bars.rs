//! A bar for each target: the median as its length, every round as a dot on it.

use std::fmt::Write as _;

use super::facts::Row;
use super::format::{self, bytes, figure, ratio};
use super::plot::{Anchor, Canvas, Ink, SIZE, WIDTH, cut_all, draw, width_of};
use crate::race::record::{Bound, Compared, Measurement, Ratio};

/// What is shown of a target.
pub(super) struct Bar {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) median: f64,
    pub(super) rounds: Vec<f64>,
    /// The figure, and how it stands to the first one.
    pub(super) label: String,
}

/// A figure that is shown in bars.
pub(super) struct Figure {
    title: &'static str,
    /// Is it the server's own only where the server is what bound the test?
    is_bound: bool,
    compared: fn(&Row) -> Option<Compared>,
    round: fn(&Measurement) -> Option<f64>,
    tell: fn(f64) -> String,
}

pub(super) const SPEED: Figure = Figure {
    title: "Requests/s: more is better",
    is_bound: true,
    compared: |row| Some(row.summary.requests_per_second.clone()),
    round: |round| Some(round.requests_per_second),
    tell: figure,
};

pub(super) const CPU: Figure = Figure {
    title: "CPU per request: less is better",
    is_bound: false,
    compared: |row| row.summary.cpu_ns_per_request.clone(),
    round: |round| Some(round.server.as_ref()?.cpu_ns_per_request),
    tell: |ns| format!("{} µs", figure(ns / 1e3)),
};

pub(super) const IDLE: Figure = Figure {
    title: "Memory of an idle connection: less is better",
    is_bound: false,
    compared: |row| row.summary.idle_connection_bytes.clone(),
    round: |round| round.idle_connection_bytes,
    tell: bytes,
};

impl Figure {
    /// That of nobody is told to be better for what the generator did.
    pub(super) fn title(&self, rows: &[Row]) -> &'static str {
        let all = |bound| rows.iter().all(|row| row.is_bound_by(bound));
        if self.is_bound && all(Bound::Generator) {
            "Requests/s: bound by the generator"
        } else if self.is_bound && all(Bound::Neither) {
            "Requests/s: bound by neither side"
        } else {
            self.title
        }
    }

    /// Of those of whom it is known. `tell_ratio` puts the comparison into words.
    pub(super) fn bars(&self, rows: &[Row], tell_ratio: fn(&Ratio) -> String) -> Vec<Bar> {
        let bar = |row: &Row| {
            let compared = (self.compared)(row)?;
            let median = Some(compared.median).filter(|median| median.is_finite())?;
            let rounds = row.rounds.iter().filter_map(|round| (self.round)(round));
            let ratio = compared.ratio.filter(|ratio| ratio.mean.is_finite());
            let mut label = (self.tell)(median);
            if let Some(ratio) = ratio {
                let _ = write!(label, " · {}", tell_ratio(&ratio));
            }
            Some(Bar {
                number: row.number,
                name: row.name.clone(),
                median,
                rounds: rounds.filter(|figure| figure.is_finite()).collect(),
                label,
            })
        };
        rows.iter().filter_map(bar).collect()
    }

    /// For a page; nothing where there is nothing to show.
    pub(super) fn picture(&self, rows: &[Row], test: &str) -> Option<String> {
        let bars = self.bars(rows, ratio);
        if bars.iter().all(|bar| bar.median == 0.0) {
            return None;
        }
        let height = height(bars.len(), SIZE);
        let says = format!("{test}. {}. {}.", self.title(rows), spoken(&bars));
        Some(draw((WIDTH, height), &says, "", |canvas| {
            panel(canvas, (0, 0), WIDTH, SIZE, &bars);
        }))
    }
}

/// `hullo: 412,000; hyper: 390,000, ×0.95 (0.94–0.96)`.
fn spoken(bars: &[Bar]) -> String {
    let told: Vec<String> = bars
        .iter()
        .map(|bar| format!("{}: {}", bar.name, bar.label.replace(" · ", ", ")))
        .collect();
    told.join("; ")
}

/// Of one bar, its name, and the room below it.
fn pitch(size: i32) -> i32 {
    size * 11 / 4
}

pub(super) fn height(bars: usize, size: i32) -> i32 {
    // More bars than fit into a picture there are not: a command line is shorter.
    i32::try_from(bars).unwrap_or(1000) * pitch(size)
}

/// Bars from the left end of a place to its right.
pub(super) fn panel(canvas: &Canvas, at: (i32, i32), width: i32, size: i32, bars: &[Bar]) {
    let all = bars
        .iter()
        .flat_map(|bar| bar.rounds.iter().chain([&bar.median]));
    let most = all.copied().fold(0.0, f64::max);
    let room = f64::from(width - size / 2);
    let x = |figure: f64| {
        let part = if most > 0.0 {
            figure.max(0.0) / most
        } else {
            0.0
        };
        at.0 + (part * room).round() as i32
    };
    let names: Vec<(usize, &str, i32)> = bars
        .iter()
        .map(|bar| {
            let room = width - width_of(&bar.label, size) - size / 2;
            (bar.number, bar.name.as_str(), room.max(size * 4))
        })
        .collect();
    let names = cut_all(&names, size);
    for ((number, bar), name) in bars.iter().enumerate().zip(names) {
        let top = at.1 + height(number, size);
        let middle = top + size * 2 / 3;
        let first = bar.number == 0;
        if first {
            canvas.bold(&name, (at.0, middle), size, Ink::Text, Anchor::Start);
        } else {
            canvas.text(&name, (at.0, middle), size, Ink::Text, Anchor::Start);
        }
        let end = (at.0 + width - 2, middle);
        canvas.text(&bar.label, end, size, Ink::Text, Anchor::End);
        let (above, below) = (top + size * 4 / 3, top + size * 13 / 6);
        canvas.bar((at.0, above), (at.0 + width - 2, below), Ink::Grid);
        // A pixel is left of what is next to nothing.
        let end = x(bar.median).max(at.0 + 2);
        canvas.bar((at.0, above), (end, below), Ink::Target(bar.number));
        dots(canvas, bar, (above, below), size, x);
    }
}

/// One below the other in the order of the rounds, so that none hides another.
fn dots(canvas: &Canvas, bar: &Bar, (above, below): (i32, i32), size: i32, x: impl Fn(f64) -> i32) {
    let radius = size / 8;
    let room = f64::from(below - above - 2 * radius);
    let steps = bar.rounds.len().max(2) - 1;
    for (number, figure) in bar.rounds.iter().enumerate() {
        let down = if bar.rounds.len() == 1 {
            room / 2.0
        } else {
            room * number as f64 / steps as f64
        };
        let at = (x(*figure).max(radius), above + radius + down.round() as i32);
        canvas.dot(at, radius, Ink::Text);
    }
}

/// For a picture with little room: `×0.72`.
pub(super) fn short_ratio(ratio: &Ratio) -> String {
    format::factor(ratio).unwrap_or_default()
}
