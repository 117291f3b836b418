//! One picture for a README: who answers more, and at what cost.

use super::bars::{Bar, CPU, Figure, SPEED, height, panel, short_ratio};
use super::escape::clean;
use super::facts::{article_tests, rows};
use super::narrative;
use super::plot::{Anchor, Canvas, Ink, draw, style};
use crate::race::record::{Record, Test};

const WIDTH: i32 = 880;
/// Around everything: it has a background of its own, since nobody knows what it lies on.
const PAD: i32 = 16;
const GAP: i32 = 40;
const SIZE: i32 = 20;
/// Above the bars: the title of the test, and those of the two figures.
const TITLES: i32 = 76;
/// So many bars are shown below each other, but those of one test in any case.
const BARS: usize = 12;

/// Of a README there is no style sheet, so it brings its own.
const FONT: &str = "svg{font-family:system-ui,-apple-system,'Segoe UI',sans-serif}\n";

/// The tests of the article that tell most, or the first test with requests.
pub(in crate::race) fn picture(record: &Record) -> String {
    let mut tests: Vec<&Test> = article_tests(record).collect();
    tests.sort_by_key(|test| narrative::weight(test));
    let mut panels: Vec<Panels> = tests
        .into_iter()
        .filter_map(|test| Panels::of(record, test))
        .take((BARS / record.targets.len().max(1)).clamp(1, 2))
        .collect();
    if panels.is_empty() {
        let any = record.tests.iter().filter(|test| test.load.is_none());
        panels.extend(any.filter_map(|test| Panels::of(record, test)).take(1));
    }
    let style = format!("{FONT}{}", style("svg"));
    if panels.is_empty() {
        let says = "Nothing was measured.";
        return draw((WIDTH, 60), says, &style, |canvas| {
            canvas.bar((0, 0), (WIDTH, 60), Ink::Paper);
            canvas.text(says, (PAD, 30), SIZE, Ink::Text, Anchor::Start);
        });
    }
    let inner: i32 = panels.iter().map(Panels::height).sum();
    let total = inner + 2 * PAD;
    let says = format!(
        "{}. {}",
        narrative::title(record),
        narrative::result(record)
    );
    draw((WIDTH, total), &says, &style, |canvas| {
        canvas.bar((0, 0), (WIDTH, total), Ink::Paper);
        let mut top = PAD;
        for one in &panels {
            one.draw(canvas, top);
            top += one.height();
        }
    })
}

/// The two figures of a test beside each other.
struct Panels {
    title: String,
    /// With its title; of requests/s, and of CPU.
    figures: Vec<(&'static str, Vec<Bar>)>,
}

impl Panels {
    fn of(record: &Record, test: &Test) -> Option<Self> {
        let rows = rows(record, test);
        if rows.iter().all(|row| row.summary.requests == 0) {
            return None;
        }
        let figure = |figure: &Figure| (figure.title(&rows), figure.bars(&rows, short_ratio));
        let mut figures = vec![figure(&SPEED), figure(&CPU)];
        figures.retain(|(_, bars)| !bars.is_empty());
        Some(Self {
            title: clean(&test.title),
            figures,
        })
    }

    fn height(&self) -> i32 {
        let most = self.figures.iter().map(|(_, bars)| bars.len()).max();
        TITLES + height(most.unwrap_or(0), SIZE) + SIZE / 2
    }

    fn draw(&self, canvas: &Canvas, top: i32) {
        let at = (PAD, top + SIZE / 2);
        canvas.bold(&self.title, at, SIZE + 2, Ink::Text, Anchor::Start);
        // One alone has all of the room.
        let alone = self.figures.len() < 2;
        let inner = WIDTH - 2 * PAD;
        let width = if alone { inner } else { (inner - GAP) / 2 };
        let mut left = PAD;
        for (title, bars) in &self.figures {
            let at = (left, top + TITLES - SIZE * 5 / 4);
            canvas.text(title, at, SIZE, Ink::Soft, Anchor::Start);
            panel(canvas, (left, top + TITLES), width, SIZE, bars);
            left += width + GAP;
        }
    }
}
