//! A chart as SVG: bars here, lines in [`lines`].

use plotters::style::FontStyle::{Bold, Normal};
use plotters::style::text_anchor::HPos;

use super::lines;
use super::plot::{Canvas, Ink, SIZE, WIDTH, cut, draw, width_of};
use super::section::{Bar, Chart, Plot};

/// For the page, whose style sheet has the colours.
pub(super) fn svg(chart: &Chart) -> String {
    match &chart.plot {
        Plot::Bars(all) => draw((WIDTH, height(all.len(), SIZE)), &chart.alt, "", |canvas| {
            let labels = |bar: &Bar| bar.label.clone();
            bars(canvas, (0, 0), WIDTH, SIZE, all, labels);
        }),
        Plot::Lines(axes, all) => lines::svg(&chart.alt, all, *axes),
    }
}

/// Of so many bars, each with its name above and room below.
pub(super) fn height(bars: usize, size: i32) -> i32 {
    i32::try_from(bars).unwrap_or(1000) * size * 11 / 4
}

/// Draws bars from the left end of a place to its right.
pub(super) fn bars(
    canvas: &Canvas,
    (left, top): (i32, i32),
    width: i32,
    size: i32,
    bars: &[Bar],
    label: fn(&Bar) -> String,
) {
    let figures = bars
        .iter()
        .flat_map(|bar| bar.rounds.iter().chain([&bar.median]));
    let most = figures.copied().fold(f64::MIN_POSITIVE, f64::max);
    let room = f64::from(width - size / 2);
    let x = |figure: f64| left + (figure.max(0.0) / most * room).round() as i32;
    let right = left + width - 2;
    for (number, bar) in bars.iter().enumerate() {
        let top = top + height(number, size);
        let middle = top + size * 2 / 3;
        let label = label(bar);
        let room = width - width_of(&label, size) - size / 2;
        let name = cut(&bar.name, room.max(size * 4), size);
        let weight = if bar.number == 0 { Bold } else { Normal };
        canvas.text(&name, (left, middle), size, (Ink::Text, weight), HPos::Left);
        let end = (right, middle);
        canvas.text(&label, end, size, (Ink::Text, Normal), HPos::Right);
        let (above, below) = (top + size * 4 / 3, top + size * 13 / 6);
        canvas.bar((left, above), (right, below), Ink::Grid);
        if bar.has_failed {
            canvas.cross((left, above), (right, below), Ink::Soft);
            continue;
        }
        // Two pixels remain of next to nothing.
        let end = x(bar.median).max(left + 2);
        let ink = if bar.number == 0 {
            Ink::Target(0)
        } else {
            Ink::Other
        };
        canvas.bar((left, above), (end, below), ink);
        let radius = size / 8;
        // Below each other in the order of the rounds, so that none hides another.
        let step = f64::from(below - above - 2 * radius) / (bar.rounds.len().max(2) - 1) as f64;
        for (round, figure) in bar.rounds.iter().enumerate() {
            let place = if bar.rounds.len() == 1 {
                0.5
            } else {
                round as f64
            };
            let y = above + radius + (step * place).round() as i32;
            canvas.dot((x(*figure).max(left + radius), y), radius, Ink::Text);
        }
    }
}
