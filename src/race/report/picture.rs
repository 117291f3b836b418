//! One picture for a README: which server answers more, and at what cost, or the first curve of a series.

use plotters::style::FontStyle::{Bold, Normal};
use plotters::style::text_anchor::HPos;

use super::charts::{bars, height};
use super::lines;
use super::plot::{Canvas, Ink, STYLE, draw};
use super::section::{Axes, Bar, Line, Plot, Section};
use super::view::View;

const WIDTH: i32 = 880;
const PAD: i32 = 16;
const GAP: i32 = 40;
const SIZE: i32 = 20;
/// Above the bars: the title of the test, and those of its charts.
const TITLES: i32 = 76;
/// Of a picture with more than one test.
const BARS_MAX: usize = 12;
/// A README has no style sheet.
const FONT: &str = "svg{font-family:system-ui,-apple-system,'Segoe UI',sans-serif}\n";

/// The test that says most, or the first two of the article if their bars have room.
pub(in crate::race) fn picture(view: &View) -> String {
    let style = format!("<style>\n{FONT}{STYLE}</style>\n");
    let alt = format!("{}. {}", view.title, view.result);
    if let Some((title, plot)) = curve(view) {
        return lines::picture(title, &alt, &style, plot);
    }
    let panels = view.sections.iter().filter_map(Panel::of);
    let mut panels: Vec<Panel> = panels.collect();
    panels.sort_by_key(|panel| panel.section.rank);
    let bars = panels.first().map_or(1, Panel::bars);
    let articles = panels.iter().filter(|panel| !panel.section.rank.0);
    let room = (BARS_MAX / bars.max(1)).clamp(1, 2);
    panels.truncate(articles.count().clamp(1, room));
    let inner: i32 = panels.iter().map(Panel::height).sum();
    // The picture brings its own background: it may lie on any.
    let size = (WIDTH, inner.max(SIZE) + 2 * PAD);
    draw(size, &alt, &style, |canvas| {
        canvas.bar((0, 0), size, Ink::Paper);
        if panels.is_empty() {
            let at = (PAD, size.1 / 2);
            canvas.text(
                "No test has requests/s to show.",
                at,
                SIZE,
                (Ink::Text, Normal),
                HPos::Left,
            );
        }
        let mut top = PAD;
        for panel in &panels {
            panel.draw(canvas, top);
            top += panel.height();
        }
    })
}

/// The first of the section that says most, if that is a series.
fn curve(view: &View) -> Option<(&str, (Axes, &[Line]))> {
    let section = view.sections.iter().min_by_key(|section| section.rank)?;
    let chart = section.charts.first()?;
    match &chart.plot {
        Plot::Lines(axes, lines) => Some((&chart.title, (*axes, lines))),
        Plot::Bars(_) => None,
    }
}

/// The bar charts of a test, side by side.
struct Panel<'a> {
    section: &'a Section,
    charts: Vec<(&'a str, &'a [Bar])>,
}

impl<'a> Panel<'a> {
    fn of(section: &'a Section) -> Option<Self> {
        let charts = section.charts.iter().filter_map(|chart| match &chart.plot {
            Plot::Bars(bars) => Some((chart.title.as_str(), bars.as_slice())),
            Plot::Lines(..) => None,
        });
        let charts: Vec<_> = charts.collect();
        (!charts.is_empty()).then_some(Self { section, charts })
    }

    fn bars(&self) -> usize {
        let bars = self.charts.iter().map(|(_, bars)| bars.len());
        bars.max().unwrap_or(0)
    }

    fn height(&self) -> i32 {
        TITLES + height(self.bars(), SIZE) + SIZE
    }

    fn draw(&self, canvas: &Canvas, top: i32) {
        let (at, strong) = ((PAD, top + SIZE / 2), (Ink::Text, Bold));
        canvas.text(&self.section.title, at, SIZE + 2, strong, HPos::Left);
        let charts = i32::try_from(self.charts.len()).unwrap_or(1);
        let width = (WIDTH - 2 * PAD - (charts - 1) * GAP) / charts;
        let mut left = PAD;
        for (title, all) in &self.charts {
            let at = (left, top + TITLES - SIZE * 5 / 4);
            canvas.text(title, at, SIZE, (Ink::Soft, Normal), HPos::Left);
            let label = |bar: &Bar| bar.short_label.clone();
            bars(canvas, (left, top + TITLES), width, SIZE, all, label);
            left += width + GAP;
        }
    }
}
