//! A histogram in steps that grow with the time, so that a fast server's answers do not all stand in one row
//! because of one slow answer.

use super::distribution::Distribution;
use super::durations::in_unit;
use super::layout::Layout;
use super::report::ratio;

/// How many steps a factor of ten is divided into, from coarse to fine.
const STEPS: [u32; 9] = [1, 3, 6, 12, 24, 48, 96, 192, 384];

/// Of the coarse ones: round numbers near to equal steps.
const ROUND: [&[f64]; 3] = [
    &[1.0, 2.0, 5.0],
    &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
    &[1.0, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2],
];

/// The finest division with at most so many rows is taken.
const ROWS_MAX: usize = 20;

/// Answers that took at most `to_ns`, and longer than the row before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) to_ns: f64,
    pub(super) count: u64,
}

/// From the fastest to the slowest. Empty without answers.
pub(super) fn rows(latency: &Distribution) -> Vec<Row> {
    if latency.count == 0 {
        return Vec::new();
    }
    let bounds = STEPS.iter().rev().map(|steps| bounds(latency, *steps));
    let mut bounds = bounds.skip_while(|bounds| bounds.len() > ROWS_MAX);
    let bounds = bounds.next().unwrap_or_default();
    let mut rows: Vec<Row> = bounds
        .iter()
        .map(|&to_ns| Row { to_ns, count: 0 })
        .collect();
    let times = latency.times();
    for &(value, count) in &latency.histogram.counts {
        let lowest = times.histogram().lowest_equivalent(value);
        // A bucket that a bound divides counts where it begins.
        let value = lowest.clamp(latency.min_ns, latency.max_ns) as f64;
        let row = rows.iter().position(|row| value <= row.to_ns);
        let last = rows.len().saturating_sub(1);
        if let Some(row) = rows.get_mut(row.unwrap_or(last)) {
            row.count = row.count.saturating_add(count);
        }
    }
    rows
}

/// The bounds from the first that the fastest answer does not exceed to the first that none exceeds.
fn bounds(latency: &Distribution, steps: u32) -> Vec<f64> {
    let (low, high) = (latency.min_ns.max(1) as f64, latency.max_ns.max(1) as f64);
    let first = (low.log10() * f64::from(steps)).floor() as i32;
    let mut bounds = Vec::new();
    for place in first.. {
        let bound = bound(place, steps);
        if bound >= low {
            bounds.push(bound);
        }
        if bound >= high || bounds.len() > ROWS_MAX {
            break;
        }
    }
    bounds
}

/// A power of the tenth part of the logarithm, as round as it is printed: 1, 2, 5 where there are three.
fn bound(place: i32, steps: u32) -> f64 {
    let whole = place.div_euclid(steps.cast_signed());
    let part = place.rem_euclid(steps.cast_signed());
    let mantissa = ROUND.iter().find(|row| row.len() == steps as usize);
    let mantissa = mantissa.and_then(|row| row.get(part as usize)).copied();
    let exact = 10_f64.powf(f64::from(part) / f64::from(steps));
    let mantissa = mantissa.unwrap_or(exact);
    let digits = match steps {
        0..=3 => 0,
        4..=24 => 2,
        _ => 3,
    };
    let unit = 10_f64.powi(digits);
    let power = whole - digits;
    // 10^-2 is not exact, its reciprocal is.
    let mantissa = (mantissa * unit).round();
    if power < 0 {
        mantissa / 10_f64.powi(-power)
    } else {
        mantissa * 10_f64.powi(power)
    }
}

/// Lines of so many characters at most: a bound, a bar, the count, and how many answers took no longer.
pub(super) fn lines(latency: &Distribution, width: usize) -> Vec<String> {
    let rows = rows(latency);
    let counts: Vec<String> = rows.iter().map(|row| grouped(row.count)).collect();
    let longest = counts.iter().map(String::len).max().unwrap_or(0);
    // Two spaces between columns; 8 characters for a time, 9 for a percentage.
    let room = width.saturating_sub(8 + 9 + longest + 3 * 2);
    let layout = Layout::short(u8::try_from(room.clamp(5, 60)).unwrap_or(60));
    let most = rows.iter().map(|row| row.count).max().unwrap_or(0);
    let room = layout.bar(1, 1).chars().count();
    let mut total = 0_u64;
    let line = |(row, count): (&Row, &String)| {
        total = total.saturating_add(row.count);
        let bar = match layout.bar(row.count, most) {
            bar if bar.is_empty() && row.count > 0 => "\u{b7}".to_owned(),
            bar => bar,
        };
        let (to, percent) = (label(row.to_ns), percent(total, latency.count));
        format!("{to:>8}  {bar:room$}  {count:>longest$}  {percent:>9}")
    };
    rows.iter().zip(&counts).map(line).collect()
}

/// A bound has four digits at most.
fn label(nanos: f64) -> String {
    let (value, unit) = in_unit(nanos);
    let decimals = match value {
        v if v < 9.9995 => 3,
        v if v < 99.995 => 2,
        _ => 1,
    };
    let text = format!("{value:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text} {unit}")
}

/// Not 100 % before the last answer.
fn percent(part: u64, whole: u64) -> String {
    let share = ratio(part as f64 * 100.0, whole as f64);
    let text = format!("{share:.3} %");
    if part < whole && text == "100.000 %" {
        return "99.999 %".to_owned();
    }
    text
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::times::Times;
    use super::*;

    fn distribution(values: &[(u64, u64)]) -> Distribution {
        let mut times = Times::default();
        for (nanos, count) in values {
            times.record(*nanos, *count);
        }
        Distribution::of(&times)
    }

    /// Each answer is in the row whose bounds enclose it, however wide or narrow the distribution is.
    #[test]
    fn rows_count_what_lies_between_their_bounds() {
        for values in [
            &[(31_000, 5), (370_000, 230_000), (12_100_000, 3)][..],
            &[(1, 1), (3_600_000_000_000, 1)],
            &[(100_100_000, 5), (100_900_000, 7), (103_000_000, 1)],
            &[(1_000_000, 9)],
            &[(0, 1), (1, 2)],
            &[(999_000, 1), (1_001_000, 1)],
        ] {
            let latency = distribution(values);
            let rows = rows(&latency);
            assert!((1..=ROWS_MAX).contains(&rows.len()), "{values:?} {rows:?}");
            let mut below = 0.0;
            for row in &rows {
                assert!(row.to_ns > below, "{rows:?}");
                let naive = values.iter().filter(|(nanos, _)| {
                    let nanos = *nanos as f64;
                    nanos <= row.to_ns && (nanos > below || below == 0.0)
                });
                let naive: u64 = naive.map(|(_, count)| count).sum();
                assert_eq!(row.count, naive, "{values:?} {row:?}");
                below = row.to_ns;
            }
            assert!(rows.first().unwrap().count > 0 && rows.last().unwrap().count > 0);
        }
        assert_eq!(rows(&distribution(&[])), []);
    }

    #[test]
    fn bounds_are_round() {
        let places =
            |steps, from| -> Vec<f64> { (from..from + 4).map(|p| bound(p, steps)).collect() };
        assert_eq!(places(1, 0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(places(3, 15), [1e5, 2e5, 5e5, 1e6]);
        assert_eq!(places(6, 30), [1e5, 1.5e5, 2e5, 3e5]);
        assert!((bound(-1, 3) - 0.5).abs() < 1e-12);
    }

    /// One slow answer of 261,323 does not push the others into one row, and each line fits.
    #[test]
    fn lines_fit_a_narrow_terminal() {
        let latency = distribution(&[
            (80_000, 30_000),
            (150_000, 100_000),
            (370_000, 130_531),
            (900_000, 791),
            (200_000_000, 1),
        ]);
        for width in [40, 60, 80, 200] {
            let lines = lines(&latency, width);
            let longest = lines.iter().map(|line| line.chars().count()).max().unwrap();
            assert!(longest <= width, "{width}: {lines:#?}");
            assert!(
                lines
                    .iter()
                    .filter(|line| line.contains('\u{25a0}'))
                    .count()
                    >= 3
            );
            let last = lines.last().unwrap();
            assert!(
                last.contains('\u{b7}') && last.ends_with("100.000 %"),
                "{last}"
            );
            assert!(lines[lines.len() - 2].ends_with("99.999 %"), "{lines:#?}");
        }
    }

    #[test]
    fn bounds_are_shown_as_they_are() {
        for (nanos, text) in [
            (1.0, "1 ns"),
            (1e5, "100 \u{b5}s"),
            (1.47e6, "1.47 ms"),
            (1.006e8, "100.6 ms"),
            (2e9, "2 s"),
        ] {
            assert_eq!(label(nanos), text);
        }
    }

    #[test]
    fn digits_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
