//! A line for each target: how latency grows towards the slowest answers, and with the rate.

use plotters::style::FontStyle::{Bold, Normal};
use plotters::style::text_anchor::HPos;

use super::plot::{COLOURS, Canvas, Ink, SIZE, WIDTH, cut, draw};
use super::section::{Axes, Line, Scale, Unit};
use crate::race::format::short_time;

/// Left of the plot are times, right of it the names of the lines, below it the axis.
pub(super) const LEFT: i32 = 118;
const RIGHT: i32 = WIDTH - 260;
const TOP: i32 = 20;
/// Above the plot of a picture.
const TITLE: i32 = 2 * SIZE;
const BELOW: i32 = 88;
const HEIGHT_MIN: i32 = 360;
/// Of the figures below an axis of rates.
const RATES_MAX: usize = 4;
/// As many figures have room where they stand at the points.
const TICKS_MAX: f64 = 6.0;
/// Of the names beside each other's ends.
const PITCH: i32 = SIZE * 5 / 4;

pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) ticks: Vec<(f64, String)>,
}

pub(super) fn svg(alt: &str, lines: &[Line], axes: Axes) -> String {
    let plot = Plot::of(lines, axes, TOP);
    draw((WIDTH, plot.bottom + BELOW), alt, "", |canvas| {
        plot.draw(canvas, lines);
    })
}

/// By itself, below its title, on a background of its own.
pub(super) fn picture(
    title: &str,
    alt: &str,
    style: &str,
    (axes, lines): (Axes, &[Line]),
) -> String {
    let plot = Plot::of(lines, axes, TOP + TITLE);
    let size = (WIDTH, plot.bottom + BELOW);
    draw(size, alt, style, |canvas| {
        canvas.bar((0, 0), size, Ink::Paper);
        let at = (TOP, TITLE / 2);
        let title = cut(title, WIDTH - 2 * TOP, SIZE);
        canvas.text(&title, at, SIZE, (Ink::Text, Bold), HPos::Left);
        plot.draw(canvas, lines);
    })
}

fn least(lines: &[Line], of: impl Fn(&(f64, f64)) -> f64) -> f64 {
    let points = lines.iter().flat_map(|line| &line.points);
    points.map(of).reduce(f64::min).unwrap_or(0.0)
}

fn greatest(lines: &[Line], of: impl Fn(&(f64, f64)) -> f64) -> f64 {
    let points = lines.iter().flat_map(|line| &line.points);
    points.map(of).fold(0.0, f64::max)
}

/// 1, 2 and 5 times each power of ten.
fn steps() -> impl DoubleEndedIterator<Item = f64> {
    (-3..18).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)))
}

impl Scale {
    /// 90 % is 1, 99 % is 2, 99.9 % is 3; a rate of 1,000 is 3.
    fn at(self, value: f64) -> f64 {
        match self {
            Self::Nines => -(1.0 - value / 100.0).log10(),
            Self::Rate | Self::Offered | Self::Connections | Self::Pipeline => value.log10(),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Nines => "% of the answers, within this time",
            Self::Rate | Self::Offered => "requests/s that were asked for",
            Self::Connections => "connections",
            Self::Pipeline => "requests in each write",
        }
    }

    /// Between the least and the greatest place of a point.
    pub(super) fn axis(self, lines: &[Line]) -> Axis {
        let least = least(lines, |(x, _)| self.at(*x));
        let most = greatest(lines, |(x, _)| self.at(*x));
        let (from, ticks): (f64, Vec<(f64, String)>) = match self {
            Self::Nines => {
                let ticks = [50.0, 90.0, 99.0, 99.9, 99.99].map(|p| (self.at(p), p.to_string()));
                (self.at(50.0), ticks.to_vec())
            }
            Self::Rate => {
                let tick = |step: f64| (step.log10(), short_rate(step));
                let between = |(at, _): &(f64, String)| (least - 1e-6..=most + 1e-6).contains(at);
                let mut ticks: Vec<_> = steps().map(tick).filter(between).collect();
                // More figures run into each other.
                while ticks.len() > RATES_MAX {
                    ticks = ticks.into_iter().step_by(2).collect();
                }
                (least, ticks)
            }
            Self::Offered | Self::Connections | Self::Pipeline => {
                (least, ticks_at_points(lines, |x| self.at(x), most - least))
            }
        };
        let ticks = ticks.into_iter().filter(|(at, _)| *at <= most + 1e-6);
        Axis {
            from,
            to: most,
            ticks: ticks.collect(),
        }
    }
}

/// Where all lines have their points, as far as there is room for the figures.
fn ticks_at_points(lines: &[Line], at: impl Fn(f64) -> f64, span: f64) -> Vec<(f64, String)> {
    let points = lines.iter().flat_map(|line| &line.points);
    let mut values: Vec<f64> = points.map(|(x, _)| *x).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for value in values {
        let has_room = ticks
            .last()
            .is_none_or(|(last, _)| at(value) - last >= span / TICKS_MAX);
        if has_room {
            ticks.push((at(value), short_rate(value)));
        }
    }
    ticks
}

/// `20k`, `1M`: there is no room for more.
fn short_rate(rate: f64) -> String {
    let short = |value: f64| ((value * 100.0).round() / 100.0).to_string();
    match rate {
        1e6.. => format!("{}M", short(rate / 1e6)),
        1e3.. => format!("{}k", short(rate / 1e3)),
        _ => short(rate),
    }
}

/// Logarithmic, over all values that are shown.
pub(super) fn value_axis(lines: &[Line], unit: Unit) -> Axis {
    let most = greatest(lines, |(_, value)| *value);
    let values = lines.iter().flat_map(|line| &line.points);
    let least = values.map(|(_, value)| *value).fold(most, f64::min);
    let least = steps().rev().find(|step| *step <= least).unwrap_or(least);
    let is_above = |step: &f64| *step >= most && *step > least;
    let most = steps().find(is_above).unwrap_or(most);
    // Over many powers of ten, the steps between them have no room.
    let every = if most / least > 600.0 { 3 } else { 1 };
    let is_shown = |step: &f64| (least..=most).contains(step);
    let tick = |step: f64| {
        let text = match unit {
            Unit::Time => short_time(step),
            Unit::Rate => short_rate(step),
        };
        (step.log10(), text)
    };
    Axis {
        from: least.log10(),
        to: most.log10(),
        ticks: steps().step_by(every).filter(is_shown).map(tick).collect(),
    }
}

impl Axis {
    /// A place between two ends.
    fn place(&self, value: f64, (first, last): (i32, i32)) -> i32 {
        let span = self.to - self.from;
        let share = if span > 0.0 {
            ((value - self.from) / span).clamp(0.0, 1.0)
        } else {
            0.5
        };
        first + (share * f64::from(last - first)).round() as i32
    }
}

struct Plot {
    scale: Scale,
    x: Axis,
    y: Axis,
    top: i32,
    bottom: i32,
    is_coloured: bool,
}

impl Plot {
    fn of(lines: &[Line], axes: Axes, top: i32) -> Self {
        let names = i32::try_from(lines.len()).unwrap_or(1000);
        Self {
            scale: axes.x,
            x: axes.x.axis(lines),
            y: value_axis(lines, axes.y),
            is_coloured: lines.len() <= COLOURS,
            top,
            bottom: top + (names * PITCH).max(HEIGHT_MIN),
        }
    }

    fn draw(&self, canvas: &Canvas, lines: &[Line]) {
        self.axes(canvas);
        // The first target's line lies over the others.
        for line in lines.iter().rev() {
            self.line(canvas, line);
        }
        self.names(canvas, lines);
    }

    fn ink(&self, line: &Line) -> Ink {
        if self.is_coloured || line.number == 0 {
            Ink::Target(line.number)
        } else {
            Ink::Other
        }
    }

    fn at(&self, (x, ns): (f64, f64)) -> (i32, i32) {
        let x = self.x.place(self.scale.at(x), (LEFT, RIGHT));
        (x, self.y.place(ns.log10(), (self.bottom, self.top)))
    }

    fn axes(&self, canvas: &Canvas) {
        let soft = (Ink::Soft, Normal);
        for (value, text) in &self.y.ticks {
            let y = self.y.place(*value, (self.bottom, self.top));
            canvas.line(&[(LEFT, y), (RIGHT, y)], Ink::Grid, 2);
            canvas.text(text, (LEFT - 12, y), SIZE, soft, HPos::Right);
        }
        for (value, text) in &self.x.ticks {
            let x = self.x.place(*value, (LEFT, RIGHT));
            canvas.line(&[(x, self.top), (x, self.bottom)], Ink::Grid, 2);
            let at = (x, self.bottom + SIZE * 11 / 10);
            canvas.text(text, at, SIZE, soft, HPos::Center);
        }
        let middle = i32::midpoint(LEFT, RIGHT);
        let at = (middle, self.bottom + BELOW - SIZE * 2 / 3);
        canvas.text(self.scale.title(), at, SIZE, soft, HPos::Center);
    }

    fn line(&self, canvas: &Canvas, line: &Line) {
        let points: Vec<(i32, i32)> = line.points.iter().map(|point| self.at(*point)).collect();
        let (width, radius) = if line.number == 0 { (7, 6) } else { (4, 4) };
        let ink = self.ink(line);
        canvas.line(&points, ink, width);
        for point in points {
            canvas.dot(point, radius, ink);
        }
    }

    /// Right of the ends of their lines, or as near as the others let them.
    fn names(&self, canvas: &Canvas, lines: &[Line]) {
        let ends = lines.iter();
        let ends = ends.filter_map(|line| Some((line, self.at(*line.points.last()?))));
        let mut ends: Vec<(&Line, (i32, i32))> = ends.collect();
        ends.sort_by_key(|(_, (_, y))| *y);
        let wanted: Vec<i32> = ends.iter().map(|(_, (_, y))| *y).collect();
        let room = WIDTH - RIGHT - 40;
        let heights = apart(&wanted, (self.top, self.bottom));
        for ((line, end), y) in ends.iter().zip(heights) {
            let name = cut(&line.name, room, SIZE);
            canvas.line(&[*end, (RIGHT, end.1), (RIGHT + 26, y)], Ink::Soft, 1);
            let weight = if line.number == 0 { Bold } else { Normal };
            let ink = match self.ink(line) {
                Ink::Other => Ink::Soft,
                ink => ink,
            };
            let style = (ink, weight);
            canvas.text(&name, (RIGHT + 32, y), SIZE, style, HPos::Left);
        }
    }
}

/// Heights in the same order, at least a pitch apart, and none below the bottom if there is room.
pub(super) fn apart(wanted: &[i32], (top, bottom): (i32, i32)) -> Vec<i32> {
    let mut least = top;
    let down = wanted.iter().map(|&height| {
        let height = height.max(least);
        least = height + PITCH;
        height
    });
    let mut heights: Vec<i32> = down.collect();
    let mut most = bottom;
    for height in heights.iter_mut().rev() {
        *height = (*height).min(most);
        most = *height - PITCH;
    }
    heights
}
