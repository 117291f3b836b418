//! Figures for a reader: three significant digits, a unit, and never `NaN`.

use super::record::Ratio;

/// Where there is no figure.
pub(super) const NONE: &str = "–";

/// To three significant digits: `0.0372`, `3.72`, `412,000`.
pub(super) fn figure(value: f64) -> String {
    let value = rounded(value);
    if !value.is_finite() {
        return NONE.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // Of a number that is already rounded, or 9.999 would be told as 10.00.
    let magnitude = value.abs().log10().floor();
    if magnitude >= 2.0 {
        return grouped(&format!("{value:.0}"));
    }
    // Below a millionth of its unit a figure is nothing.
    let decimals = (2.0 - magnitude).min(8.0) as usize;
    format!("{value:.decimals$}")
}

fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(f64::NAN)
}

/// `10,000`.
pub(super) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// `1 round`, `1,000 rounds`.
pub(super) fn plural(number: u64, word: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {word}{s}", count(number))
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// In the unit in which it is at least 1.
fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = rounded(value);
    let mut units = units.iter().peekable();
    while let Some(unit) = units.next() {
        if rounded(value) < step || units.peek().is_none() {
            return match figure(value).as_str() {
                NONE => NONE.to_owned(),
                figure => format!("{figure} {unit}"),
            };
        }
        value /= step;
    }
    NONE.to_owned()
}

/// `812 µs`.
pub(super) fn time(ns: f64) -> String {
    scaled(ns, 1000.0, &["ns", "µs", "ms", "s"])
}

/// `98.1–110 µs`, in the unit of the greater.
pub(super) fn time_range(low: f64, high: f64) -> String {
    let shown = time(high);
    let Some((end, unit)) = shown.split_once(' ') else {
        return NONE.to_owned();
    };
    let scale = match unit {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        _ => 1e9,
    };
    match figure(low / scale) {
        low if low == end => shown,
        low => format!("{low}–{end} {unit}"),
    }
}

/// As on an axis, where `1.00 ms` is `1 ms`.
pub(super) fn short_time(ns: f64) -> String {
    time(ns).replace(".00 ", " ").replace(".0 ", " ")
}

/// `9.50 KiB`.
pub(super) fn bytes(bytes: f64) -> String {
    let whole = if bytes < 1000.0 { bytes.round() } else { bytes };
    let text = scaled(whole, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"]);
    // A byte has no parts.
    text.replace(".00 B", " B").replace(".0 B", " B")
}

/// `99 %`.
pub(super) fn percent(part: f64) -> String {
    let percent = part * 100.0;
    if !percent.is_finite() {
        NONE.to_owned()
    } else if percent != 0.0 && percent.abs() < 1.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// In place of an interval that is so wide that it says nothing.
pub(super) const NOISY: &str = "too noisy";

/// `×0.72 (0.70–0.74)`, or `no difference (0.97–1.02)`.
pub(super) fn ratio(ratio: &Ratio) -> String {
    if !ratio.mean.is_finite() {
        return NONE.to_owned();
    }
    let decimals = decimals(ratio);
    let interval = match (ratio.is_noisy(), ratio.low, ratio.high) {
        (true, ..) => NOISY.to_owned(),
        (false, low, high) => format!("{low:.decimals$}–{high:.decimals$}"),
    };
    format!("{} ({interval})", factor(ratio))
}

/// `×0.72`, or that there is no difference.
pub(super) fn factor(ratio: &Ratio) -> String {
    if ratio.differs {
        let decimals = decimals(ratio);
        format!("×{:.decimals$}", ratio.mean)
    } else if ratio.is_equal() {
        "no difference".to_owned()
    } else {
        "no difference shown".to_owned()
    }
}

/// For little room: ` ×0.72`, ` ≈` for no difference, ` ?` for none shown.
pub(super) fn sign(ratio: &Ratio) -> String {
    match (ratio.differs, ratio.is_equal()) {
        (true, _) => format!(" {}", factor(ratio)),
        (false, true) => " ≈".to_owned(),
        (false, false) => " ?".to_owned(),
    }
}

/// Two, fewer for the large, and more where the interval would seem to touch the 1 that it does not.
fn decimals(ratio: &Ratio) -> usize {
    let end = if ratio.mean < 1.0 {
        ratio.high
    } else {
        ratio.low
    };
    match ratio.mean {
        100.0.. => 0,
        10.0.. => 1,
        ..0.1 => 3,
        _ => (2..4)
            .find(|&decimals| {
                let step = 0.1_f64.powi(i32::try_from(decimals).unwrap_or(2));
                (end - 1.0).abs() >= step / 2.0
            })
            .unwrap_or(4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count() {
        for (value, text) in [
            (0.0, "0"),
            (412_345.0, "412,000"),
            (1_234_567.0, "1,230,000"),
            (999.6, "1,000"),
            (123.4, "123"),
            (9.996, "10.0"),
            (3.716, "3.72"),
            (0.037_16, "0.0372"),
            (-1234.0, "-1,230"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(figure(value), text, "{value}");
        }
        assert_eq!(count(10_000), "10,000");
        assert_eq!(count(100), "100");
    }

    #[test]
    fn a_unit_fits_its_figure() {
        assert_eq!(time(999.9), "1.00 µs");
        assert_eq!(time(812_345.0), "812 µs");
        assert_eq!(time(5e9), "5.00 s");
        assert_eq!(time(5e15), "5,000,000 s");
        assert_eq!(time(f64::NAN), "–");
        assert_eq!(time_range(98_100.0, 110_000.0), "98.1–110 µs");
        assert_eq!(time_range(900_000.0, 1_200_000.0), "0.900–1.20 ms");
        assert_eq!(time_range(5e9, 5e9), "5.00 s");
        assert_eq!(time_range(f64::NAN, f64::NAN), "–");
        assert_eq!(short_time(1e6), "1 ms");
        assert_eq!(short_time(2e7), "20 ms");
        assert_eq!(bytes(130.2), "130 B");
        assert_eq!(bytes(44.0), "44 B");
        assert_eq!(bytes(9728.0), "9.50 KiB");
        assert_eq!(bytes(f64::INFINITY), "–");
        assert_eq!(percent(0.993), "99 %");
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(percent(f64::NAN), "–");
    }

    #[test]
    fn a_ratio_says_whether_it_is_one() {
        let of = |mean, low, high, differs| {
            ratio(&Ratio {
                mean,
                low,
                high,
                differs,
            })
        };
        assert_eq!(of(0.72, 0.7, 0.74, true), "×0.72 (0.70–0.74)");
        assert_eq!(of(0.99, 0.97, 1.02, false), "no difference (0.97–1.02)");
        assert_eq!(of(0.9, 0.5, 1.6, false), "no difference shown (0.50–1.60)");
        assert_eq!(
            of(1.9, 0.0, 20542.0, false),
            "no difference shown (too noisy)"
        );
        assert_eq!(of(21.9, 21.0, 22.8, true), "×21.9 (21.0–22.8)");
        assert_eq!(of(0.034, 0.033, 0.035, true), "×0.034 (0.033–0.035)");
        assert_eq!(of(1.006, 1.002, 1.01, true), "×1.006 (1.002–1.010)");
        assert_eq!(of(f64::NAN, 0.0, 0.0, true), "–");
    }
}
