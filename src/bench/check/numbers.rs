//! Checks of the numbers in a report from a file. An error names the field.

use crate::bench::distribution::{Distribution, Figures};
use crate::bench::times::DIGITS;

/// Every JSON reader represents counts up to this exactly.
pub(super) const COUNT_MAX: u64 = 1 << 53;

/// 31 years, in nanoseconds.
pub(super) const NANOS_MAX: u64 = 1_000_000_000_000_000_000;

pub(super) fn at_most(name: &str, value: u64, most: u64) -> Result<(), String> {
    within(name, value, 0, most)
}

pub(super) fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("`{name}` is {value}, not from {least} to {most}"))
}

pub(super) fn up_to(name: &str, value: f64, most: f64) -> Result<(), String> {
    if (0.0..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("`{name}` is {value}, not from 0 to {most}"))
}

pub(super) fn distribution(name: &str, times: &Distribution) -> Result<(), String> {
    let figures = Figures {
        count: times.count,
        sum: times.sum_ns,
        min: times.min_ns,
        max: times.max_ns,
        p50: times.percentiles_ns.p50,
        p90: times.percentiles_ns.p90,
        histogram: times.histogram.clone(),
    };
    self::figures(name, "_ns", &figures)
}

/// `unit` is the suffix of the names of minimum, maximum and sum.
pub(super) fn figures(name: &str, unit: &str, times: &Figures) -> Result<(), String> {
    if times.histogram.significant_digits != DIGITS {
        let digits = times.histogram.significant_digits;
        return Err(format!(
            "`{name}.histogram.significant_digits` is {digits}, but only {DIGITS} can be joined"
        ));
    }
    at_most(&format!("{name}.max{unit}"), times.max, NANOS_MAX)?;
    at_most(&format!("{name}.min{unit}"), times.min, times.max)?;
    let counts = &times.histogram.counts;
    for (value, count) in counts {
        let field = format!("{name}.histogram.counts");
        at_most(&field, *value, NANOS_MAX)?;
        within(&field, *count, 1, COUNT_MAX)?;
    }
    let total: u128 = counts.iter().map(|(_, count)| u128::from(*count)).sum();
    at_most(&format!("{name}.count"), times.count, COUNT_MAX)?;
    equal(
        &format!("{name}.count"),
        times.count,
        total,
        "the counts of its histogram",
    )?;
    // A sum that overflows is saturated.
    let limit = |nanos: u64| u64::try_from(total * u128::from(nanos)).unwrap_or(u64::MAX);
    let (least, most) = (limit(times.min), limit(times.max));
    within(&format!("{name}.sum{unit}"), times.sum, least, most)?;
    ends(name, unit, times)
}

/// The minimum and the maximum are in the first and the last bucket of the histogram.
fn ends(name: &str, unit: &str, times: &Figures) -> Result<(), String> {
    let counts = &times.histogram.counts;
    let (Some((first, _)), Some((last, _))) = (counts.first(), counts.last()) else {
        return at_most(&format!("{name}.max{unit}"), times.max, 0);
    };
    let all = times.times();
    let bucket = |nanos: u64| {
        let highest = all.histogram().highest_equivalent(nanos);
        highest.min(all.histogram().highest_equivalent(all.histogram().high()))
    };
    for (end, nanos, value) in [("min", times.min, first), ("max", times.max, last)] {
        if bucket(nanos) != bucket(*value) {
            return Err(format!(
                "`{name}.{end}{unit}` is {nanos}, but its histogram says {value}"
            ));
        }
    }
    Ok(())
}

pub(super) fn sum<'a>(counts: impl IntoIterator<Item = &'a u64>) -> u128 {
    counts.into_iter().map(|count| u128::from(*count)).sum()
}

pub(super) fn equal(name: &str, value: u64, sum: u128, of: &str) -> Result<(), String> {
    if u128::from(value) == sum {
        Ok(())
    } else {
        Err(format!("`{name}` is {value}, but {of} add up to {sum}"))
    }
}
