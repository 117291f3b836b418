//! Times and sizes that are drawn for each request: one value, a range, or percentiles.

use crate::random::Random;

/// Which values a parameter takes, and how often.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Spread {
    Always(u64),
    /// Each value from the first to the second is as likely as the others.
    Even(u64, u64),
    Percentiles(Vec<Point>),
}

/// This share of the values, from 0 to 1, is at most `value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    share: f64,
    value: f64,
}

/// What the values of a [`Spread`] are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unit {
    pub(super) read: fn(&str) -> Result<u64, String>,
    pub(super) show: fn(u64) -> String,
    /// The largest value, and the flag that sets it.
    pub(super) max: u64,
    pub(super) flag: &'static str,
}

impl Unit {
    /// Reads one value.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn value(&self, text: &str) -> Result<u64, String> {
        let value = (self.read)(text)?;
        if value > self.max {
            return Err(self.too_much());
        }
        Ok(value)
    }

    fn too_much(&self) -> String {
        format!("at most {} ({})", (self.show)(self.max), self.flag)
    }
}

impl Spread {
    /// Reads `50ms`, `10ms..50ms`, or `p50=5ms,p99=200ms`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn read(text: &str, unit: &Unit) -> Result<Self, String> {
        if text.contains('=') {
            return percentiles(text, unit);
        }
        let Some((min, max)) = text.split_once("..") else {
            return unit.value(text).map(Self::Always);
        };
        let (min, max) = (unit.value(min)?, unit.value(max)?);
        if min > max {
            return Err("the range ends below its start".to_owned());
        }
        Ok(Self::Even(min, max))
    }

    /// The value for one request.
    pub(super) fn draw(&self, random: &Random) -> u64 {
        match self {
            Self::Always(value) => *value,
            Self::Even(min, max) => random.between(*min, *max),
            Self::Percentiles(points) => {
                #[expect(
                    clippy::cast_sign_loss,
                    reason = "no point lies below 0, and a cast saturates"
                )]
                let value = quantile(points, random.fraction()).round() as u64;
                value
            }
        }
    }
}

/// Reads `p50=5ms,p99=200ms`. What p0 and p100 are is written down as well.
#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 bytes or nanoseconds are more than enough"
)]
fn percentiles(text: &str, unit: &Unit) -> Result<Spread, String> {
    let mut points: Vec<Point> = Vec::new();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let percent = name.trim().strip_prefix('p').and_then(percent);
        let Some(percent) = percent else {
            return Err("not a percentile: write p50=VALUE, from p0 to p100".to_owned());
        };
        let value = unit.value(value)? as f64;
        let share = percent / 100.0;
        if let Some(last) = points.last() {
            if last.share >= share {
                return Err("the percentiles do not ascend".to_owned());
            }
            if last.value > value {
                return Err("the values of the percentiles descend".to_owned());
            }
        }
        points.push(Point { share, value });
    }
    let ends = [0.0, 1.0].map(|share| Point {
        share,
        value: quantile(&points, share),
    });
    let [first, last] = ends;
    if last.value > unit.max as f64 {
        let max = unit.too_much();
        return Err(format!(
            "p100, which the last two percentiles lead to, would be too much: {max}; add p100=VALUE"
        ));
    }
    if points.first().is_some_and(|point| point.share > 0.0) {
        points.insert(0, first);
    }
    if points.last().is_some_and(|point| point.share < 1.0) {
        points.push(last);
    }
    Ok(Spread::Percentiles(points))
}

/// Reads a number from 0 to 100, with decimals perhaps.
pub(super) fn percent(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let percent: f64 = text.parse().ok().filter(|_| is_plain)?;
    (percent <= 100.0).then_some(percent)
}

/// The value below which `share` of the values lie. Between two points it grows by the same factor for
/// each percentile, or, from 0, by the same amount. Before the first and after the last point it goes
/// on as between their neighbours.
fn quantile(points: &[Point], share: f64) -> f64 {
    let above = points.partition_point(|point| point.share < share);
    let end = above.clamp(1, points.len().saturating_sub(1).max(1));
    let (Some(a), b) = (points.get(end - 1), points.get(end)) else {
        return 0.0;
    };
    let Some(b) = b else { return a.value };
    let way = (share - a.share) / (b.share - a.share);
    let value = if a.value > 0.0 {
        a.value * (b.value / a.value).powf(way)
    } else {
        b.value * way
    };
    value.max(0.0)
}

#[cfg(test)]
#[path = "spread_tests.rs"]
mod tests;
