//! The page: one file that needs nothing else.

use askama::Template;

use super::bars::{CPU, IDLE, SPEED};
use super::escape::clean;
use super::facts::{Part, parts, probes, rows};
use super::format::NONE;
use super::tables::{self, Table};
use super::{lines, narrative, notes, plot};
use crate::race::record::Record;

#[derive(Template)]
#[template(path = "page.html", config = "src/race/report/askama.toml")]
struct Page {
    title: String,
    result: String,
    how_to_read: Vec<String>,
    /// Colours of the pictures: ours, not text from outside.
    style: String,
    article: Option<Table>,
    sections: Vec<Section>,
    behaviour: Option<Behaviour>,
    warnings: Vec<String>,
    outs: Vec<String>,
    setting: Vec<(&'static str, String)>,
    commands: Vec<(String, String)>,
}

/// A test with its pictures and tables.
struct Section {
    /// What a link leads to.
    id: String,
    title: String,
    sentence: String,
    figures: Vec<Drawn>,
    tables: Vec<Table>,
}

struct Drawn {
    title: String,
    svg: String,
}

struct Behaviour {
    head: Vec<String>,
    /// A name, how much was right, and how each probe went.
    rows: Vec<(String, String, Vec<Mark>)>,
    /// What was wrong, probe by probe: a phone shows only the first columns.
    wrong: Vec<String>,
}

struct Mark {
    /// `right`, `wrong` or `unknown`.
    class: &'static str,
    sign: &'static str,
    saw: String,
}

pub(in crate::race) fn page(record: &Record) -> String {
    let page = Page {
        title: narrative::title(record),
        result: unbroken(&narrative::result(record)),
        how_to_read: notes::how_to_read(record),
        style: plot::style("figure svg"),
        article: tables::article(record),
        sections: sections(record),
        behaviour: behaviour(record),
        warnings: notes::warnings(record),
        outs: notes::outs(record),
        setting: notes::setting(record),
        commands: notes::commands(record),
    };
    // It writes into a string, which does not fail.
    page.render().unwrap_or_default()
}

fn sections(record: &Record) -> Vec<Section> {
    let section = |(number, part): (usize, &Part)| Section {
        id: format!("test-{}", number + 1),
        title: narrative::heading(record, part),
        sentence: unbroken(&narrative::sentence(record, part)),
        figures: figures(record, part),
        tables: tables::of(record, part),
    };
    parts(record).iter().enumerate().map(section).collect()
}

/// A line of a page does not end within an interval, nor before a per cent sign.
fn unbroken(text: &str) -> String {
    text.replace('–', "\u{2060}–\u{2060}")
        .replace(" %", "\u{a0}%")
}

fn figures(record: &Record, part: &Part) -> Vec<Drawn> {
    let drawn = match part {
        Part::Work(test) => {
            let (rows, title) = (rows(record, test), clean(&test.title));
            vec![
                (SPEED.title(&rows).to_owned(), SPEED.picture(&rows, &title)),
                (CPU.title(&rows).to_owned(), CPU.picture(&rows, &title)),
                (
                    "Latency by percentile: lower is better".to_owned(),
                    lines::percentiles(record, test),
                ),
            ]
        }
        Part::Idle(test) => {
            let (rows, title) = (rows(record, test), clean(&test.title));
            vec![(IDLE.title(&rows).to_owned(), IDLE.picture(&rows, &title))]
        }
        Part::Rate(tests) => [(50.0, "p50"), (99.0, "p99")]
            .map(|(percentile, name)| {
                let title = format!("{name} over requests/s: lower is better");
                (title, lines::over_rate(record, tests, percentile))
            })
            .to_vec(),
    };
    let drawn = drawn.into_iter();
    drawn
        .filter_map(|(title, svg)| Some(Drawn { title, svg: svg? }))
        .collect()
}

fn behaviour(record: &Record) -> Option<Behaviour> {
    let probes = probes(record);
    if probes.is_empty() {
        return None;
    }
    let rows = record.targets.iter().map(|target| {
        let mark = |(id, _): &(&str, String)| {
            let found = target.behaviour.iter().find(|found| found.id == *id);
            let (class, sign) = match found {
                None => ("unknown", NONE),
                Some(found) if found.right => ("right", tables::RIGHT),
                Some(_) => ("wrong", tables::WRONG),
            };
            let saw = found.map_or(String::new(), |found| clean(&found.saw));
            Mark { class, sign, saw }
        };
        let marks = probes.iter().map(mark).collect();
        (clean(&target.name), tables::right(target), marks)
    });
    Some(Behaviour {
        rows: rows.collect(),
        wrong: tables::wrong(record),
        head: probes.iter().map(|(_, title)| title.clone()).collect(),
    })
}
