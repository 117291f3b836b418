//! A line for each target: how latency grows towards the slowest answers, and with the rate.

use super::escape::clean;
use super::facts::rows;
use super::format::{figure, short_time, time};
use super::plot::{Anchor, Canvas, Ink, SIZE, WIDTH, cut_all, draw};
use super::tables::rated;
use crate::race::record::{Record, Test};

/// Left of the plot stand times, right of it the names of the lines, below it the axis.
const LEFT: i32 = 118;
const RIGHT: i32 = 260;
const ABOVE: i32 = 20;
const BELOW: i32 = 88;

struct Line {
    number: usize,
    name: String,
    points: Vec<(f64, f64)>,
}

/// From the first value to the last, as parts of the plot's side.
struct Axis {
    from: f64,
    to: f64,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    fn part(&self, value: f64) -> f64 {
        let span = self.to - self.from;
        if span > 0.0 {
            ((value - self.from) / span).clamp(0.0, 1.0)
        } else {
            0.5
        }
    }
}

/// Latency by percentile; nothing where no target has one.
pub(super) fn percentiles(record: &Record, test: &Test) -> Option<String> {
    let rows = rows(record, test);
    let line = |row: &super::facts::Row| {
        let known = row.summary.latency_ns.iter();
        // The slowest one has no place on a scale of nines.
        let shown =
            known.filter(|(percentile, ns)| (50.0..=99.9999).contains(percentile) && *ns > 0);
        Line {
            number: row.number,
            name: row.name.clone(),
            points: shown.map(|&(p, ns)| (nines(p), ns as f64)).collect(),
        }
    };
    let lines = rows.iter().map(line).collect();
    let says = format!("{}. Latency by percentile.", clean(&test.title));
    picture(&says, "of 100 answers, this many within", lines, nines_axis)
}

/// 90 % is 1, 99 % is 2, 99.9 % is 3.
fn nines(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10()
}

fn nines_axis(lines: &[Line]) -> Axis {
    let most = greatest(lines, |point| point.0);
    let ticks = ["50", "90", "99", "99.9", "99.99"].into_iter();
    let ticks = ticks.filter_map(|text| Some((nines(text.parse().ok()?), text.to_owned())));
    Axis {
        from: nines(50.0),
        to: most,
        ticks: ticks.filter(|(at, _)| *at <= most + 1e-6).collect(),
    }
}

/// Latency over the requests/s that were answered, for one percentile.
pub(super) fn over_rate(record: &Record, tests: &[&Test], percentile: f64) -> Option<String> {
    let line = |(number, target): (usize, &crate::race::record::Target)| {
        let points = rated(record, tests, number)
            .into_iter()
            .filter_map(|(_, row)| {
                let speed = row.summary.requests_per_second.median;
                let ns = row.percentile(percentile).filter(|ns| *ns > 0)?;
                speed.is_finite().then_some((speed, ns as f64))
            });
        Line {
            number,
            name: clean(&target.name),
            points: points.collect(),
        }
    };
    let lines = record.targets.iter().enumerate().map(line).collect();
    let says = format!("Latency p{percentile} over requests/s.");
    picture(&says, "requests/s", lines, rate_axis)
}

fn rate_axis(lines: &[Line]) -> Axis {
    let most = greatest(lines, |point| point.0);
    // Three steps at most, or their figures run into each other.
    let step = nice_from(most / 3.0).max(f64::MIN_POSITIVE);
    let ticks = (0..=3).map(|number| f64::from(number) * step);
    Axis {
        from: 0.0,
        to: most,
        ticks: ticks
            .filter(|at| *at <= most)
            .map(|at| (at, short(at)))
            .collect(),
    }
}

/// A thousand is `1,000`, and three are not `3.00`.
fn short(value: f64) -> String {
    figure(value).replace(".00", "")
}

/// The least of 1, 2 and 5 times a power of ten that is not below.
fn nice_from(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps
        .into_iter()
        .find(|step| *step >= value * 0.999_999)
        .unwrap_or(power * 10.0)
}

/// The greatest of 1, 2 and 5 times a power of ten that is not above.
fn nice_to(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [10.0, 5.0, 2.0, 1.0].map(|step| step * power);
    steps
        .into_iter()
        .find(|step| *step <= value * 1.000_001)
        .unwrap_or(power)
}

/// Logarithmic, over all times that are shown.
fn time_axis(lines: &[Line]) -> Axis {
    let times = lines
        .iter()
        .flat_map(|line| &line.points)
        .map(|point| point.1);
    let least = nice_to(times.fold(f64::INFINITY, f64::min).max(1.0));
    let mut most = nice_from(greatest(lines, |point| point.1));
    if most <= least {
        most = least * 10.0;
    }
    // Over a few powers of ten the steps between them are worth a line.
    let decades = (most / least).log10();
    let steps: &[f64] = if decades <= 2.8 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let mut ticks = Vec::new();
    let mut power = 10_f64.powf(least.log10().floor());
    while power <= most && ticks.len() < 30 {
        for value in steps.iter().map(|step| step * power) {
            if value >= least * 0.999 && value <= most * 1.001 {
                ticks.push((value.log10(), short_time(value)));
            }
        }
        power *= 10.0;
    }
    Axis {
        from: least.log10(),
        to: most.log10(),
        ticks,
    }
}

fn greatest(lines: &[Line], of: fn(&(f64, f64)) -> f64) -> f64 {
    let all = lines.iter().flat_map(|line| &line.points).map(of);
    all.fold(0.0, f64::max)
}

fn picture(
    says: &str,
    x_title: &str,
    mut lines: Vec<Line>,
    x_axis: fn(&[Line]) -> Axis,
) -> Option<String> {
    lines.retain(|line| !line.points.is_empty());
    if lines.is_empty() {
        return None;
    }
    let names = i32::try_from(lines.len()).unwrap_or(1000);
    let inner = (names * label_pitch()).max(360);
    let plot = Plot {
        x: x_axis(&lines),
        y: time_axis(&lines),
        height: ABOVE + inner + BELOW,
    };
    let ends: Vec<String> = lines.iter().filter_map(spoken).collect();
    let says = format!("{says} At the right end: {}.", ends.join("; "));
    Some(draw((WIDTH, plot.height), &says, "", |canvas| {
        plot.axes(canvas, x_title);
        // The first one lies over the others.
        for line in lines.iter().rev() {
            plot.line(canvas, line);
        }
        plot.labels(canvas, &lines);
    }))
}

fn spoken(line: &Line) -> Option<String> {
    Some(format!("{}, {}", line.name, time(line.points.last()?.1)))
}

fn label_pitch() -> i32 {
    SIZE * 5 / 4
}

struct Plot {
    x: Axis,
    y: Axis,
    height: i32,
}

impl Plot {
    fn at(&self, (x, y): (f64, f64)) -> (i32, i32) {
        (self.x_at(x), self.y_at(y.log10()))
    }

    fn x_at(&self, value: f64) -> i32 {
        let width = f64::from(WIDTH - LEFT - RIGHT);
        LEFT + (self.x.part(value) * width).round() as i32
    }

    fn y_at(&self, value: f64) -> i32 {
        let height = f64::from(self.bottom() - ABOVE);
        self.bottom() - (self.y.part(value) * height).round() as i32
    }

    fn bottom(&self) -> i32 {
        self.height - BELOW
    }

    fn axes(&self, canvas: &Canvas, x_title: &str) {
        let right = WIDTH - RIGHT;
        for (value, text) in &self.y.ticks {
            let y = self.y_at(*value);
            canvas.line(&[(LEFT, y), (right, y)], Ink::Grid, 2);
            canvas.text(text, (LEFT - 12, y), SIZE, Ink::Soft, Anchor::End);
        }
        for (value, text) in &self.x.ticks {
            let x = self.x_at(*value);
            canvas.line(&[(x, ABOVE), (x, self.bottom())], Ink::Grid, 2);
            let at = (x, self.bottom() + SIZE * 11 / 10);
            canvas.text(text, at, SIZE, Ink::Soft, Anchor::Middle);
        }
        let middle = i32::midpoint(LEFT, right);
        let at = (middle, self.height - SIZE * 2 / 3);
        canvas.text(x_title, at, SIZE, Ink::Soft, Anchor::Middle);
    }

    fn line(&self, canvas: &Canvas, line: &Line) {
        let points: Vec<(i32, i32)> = line.points.iter().map(|point| self.at(*point)).collect();
        let ink = Ink::Target(line.number);
        canvas.line(&points, ink, if line.number == 0 { 7 } else { 4 });
        for point in points {
            canvas.dot(point, if line.number == 0 { 6 } else { 4 }, ink);
        }
    }

    /// Names stand right of the ends of their lines, or as near as the others let them.
    fn labels(&self, canvas: &Canvas, lines: &[Line]) {
        let mut ends: Vec<(&Line, (i32, i32))> = lines
            .iter()
            .filter_map(|line| Some((line, self.at(*line.points.last()?))))
            .collect();
        ends.sort_by_key(|(_, (_, y))| *y);
        let wanted: Vec<i32> = ends.iter().map(|(_, (_, y))| *y).collect();
        let heights = spread(&wanted, label_pitch(), self.bottom());
        let names: Vec<(usize, &str, i32)> = ends
            .iter()
            .map(|(line, _)| (line.number, line.name.as_str(), RIGHT - 40))
            .collect();
        let x = WIDTH - RIGHT;
        let names = cut_all(&names, SIZE);
        for (((line, end), y), name) in ends.iter().zip(heights).zip(names) {
            canvas.line(&[*end, (x, end.1), (x + 26, y)], Ink::Soft, 1);
            let at = (x + 32, y);
            let ink = Ink::Target(line.number);
            if line.number == 0 {
                canvas.bold(&name, at, SIZE, ink, Anchor::Start);
            } else {
                canvas.text(&name, at, SIZE, ink, Anchor::Start);
            }
        }
    }
}

/// Heights in the same order, at least so far apart, and none below the bottom if there is room.
fn spread(wanted: &[i32], pitch: i32, bottom: i32) -> Vec<i32> {
    let mut heights = Vec::new();
    let mut least = ABOVE;
    for &height in wanted {
        let height = height.max(least);
        heights.push(height);
        least = height + pitch;
    }
    let mut most = bottom;
    for height in heights.iter_mut().rev() {
        *height = (*height).min(most);
        most = *height - pitch;
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance() {
        assert_eq!(spread(&[100, 200], 30, 400), [100, 200]);
        assert_eq!(spread(&[100, 100, 101], 30, 400), [100, 130, 160]);
        assert_eq!(spread(&[390, 395, 400], 30, 400), [340, 370, 400]);
    }

    #[test]
    fn steps_are_nice() {
        for (value, below, above) in [(1.0, 1.0, 1.0), (3.0, 2.0, 5.0), (7000.0, 5000.0, 10_000.0)]
        {
            assert!((nice_to(value) / below - 1.0).abs() < 1e-9, "{value}");
            assert!((nice_from(value) / above - 1.0).abs() < 1e-9, "{value}");
        }
        assert!((nines(99.9) - 3.0).abs() < 1e-6);
    }

    #[test]
    fn an_axis_covers_what_is_shown() {
        let line = |points: &[(f64, f64)]| Line {
            number: 0,
            name: "a".into(),
            points: points.to_vec(),
        };
        let one = [line(&[(0.3, 1e6)])];
        let axis = time_axis(&one);
        assert!(axis.from < axis.to && !axis.ticks.is_empty());
        let wide = [line(&[(0.3, 30e3), (2.0, 4e9)])];
        let axis = time_axis(&wide);
        assert!(axis.ticks.len() < 8, "{:?}", axis.ticks);
        assert!(axis.part(30e3_f64.log10()) > 0.0 && axis.part(4e9_f64.log10()) < 1.0);
        let still = [line(&[(0.0, 1e6)])];
        assert!(!rate_axis(&still).ticks.is_empty());
    }

    #[test]
    fn a_time_has_its_room() {
        assert!(super::super::plot::width_of("999 µs", SIZE) <= LEFT);
    }
}
