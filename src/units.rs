//! Times and sizes as users write them.

use std::fmt::Display;
use std::ops::RangeInclusive;

/// The longest time: a year. A longer one is a typing error.
const NANOS_MAX: u64 = 365 * 24 * HOUR;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Reads a time such as `10s`, `1m30s` or `500ms`; a bare number is in seconds. Returns nanoseconds,
/// or what is wrong with the text.
#[expect(clippy::cast_precision_loss, reason = "the units are powers of ten")]
pub(crate) fn nanos(text: &str) -> Result<u64, String> {
    let wrong = || "not a time: write 10s, 1m30s, 500ms, or a number of seconds".to_owned();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let letters = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let factor = match unit.trim() {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1000,
            "ms" => 1_000_000,
            "s" => SECOND,
            // Only alone: the 5 of 1m5 could be anything.
            "" if digits == text.trim().len() => SECOND,
            "m" => MINUTE,
            "h" => HOUR,
            _ => return Err(wrong()),
        };
        nanos += number * factor as f64;
        rest = tail;
    }
    if nanos > NANOS_MAX as f64 {
        return Err(format!("too long: at most {}", show_nanos(NANOS_MAX)));
    }
    #[expect(clippy::cast_sign_loss, reason = "digits have no sign")]
    Ok(nanos.round() as u64)
}

/// Reads a size such as `16384`, `16KiB` or `1MiB`. Returns bytes, or what is wrong with the text.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "B" => Some(1_u64),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let number = digits.trim_end().parse::<u64>().ok();
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| {
            "not a size: write a number of bytes, or of KiB, MiB or GiB, such as 16KiB".to_owned()
        })
}

/// Returns the value, or the error that names the range and shows its ends as `show` does. A range
/// that ends at `u64::MAX` has no upper end.
pub(crate) fn within<T: Display>(
    value: u64,
    range: &RangeInclusive<u64>,
    show: impl Fn(u64) -> T,
) -> Result<u64, String> {
    let (min, max) = (*range.start(), *range.end());
    if range.contains(&value) {
        Ok(value)
    } else if max == u64::MAX {
        Err(format!("out of range: at least {}", show(min)))
    } else {
        Err(format!("out of range: from {} to {}", show(min), show(max)))
    }
}

/// A size in the largest unit that leaves a whole number, as [`bytes`] reads it: `16KiB`.
pub(crate) fn show_bytes(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    show(bytes, &units, "")
}

/// A time in the largest unit that leaves a whole number, as [`nanos`] reads it: `75s`.
pub(crate) fn show_nanos(nanos: u64) -> String {
    let units = [
        (HOUR, "h"),
        (MINUTE, "m"),
        (SECOND, "s"),
        (1_000_000, "ms"),
        (1000, "us"),
    ];
    let smallest = if nanos == 0 { "s" } else { "ns" };
    show(nanos, &units, smallest)
}

fn show(value: u64, units: &[(u64, &str)], smallest: &str) -> String {
    let mut fitting = units
        .iter()
        .filter(|(unit, _)| value > 0 && value.is_multiple_of(*unit));
    match fitting.next() {
        Some((unit, name)) => format!("{}{name}", value / unit),
        None => format!("{value}{smallest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, nanos) in [
            ("10s", 10_000_000_000),
            ("20", 20_000_000_000),
            ("0", 0),
            ("0.5", 500_000_000),
            ("500ms", 500_000_000),
            ("1m30s", 90_000_000_000),
            ("1h", 3_600_000_000_000),
            ("1.5us", 1500),
            ("7ns", 7),
            (" 3s ", 3_000_000_000),
        ] {
            assert_eq!(super::nanos(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in [
            "", "s", "-1s", "1d", "1m5", "1 30s", "1x", "1.2.3s", "1e3", "inf",
        ] {
            assert!(nanos(text).unwrap_err().contains("not a time"), "{text}");
        }
        assert_eq!(nanos("8760h"), Ok(NANOS_MAX));
        for text in ["8760h1s", "9999999h"] {
            assert_eq!(nanos(text).unwrap_err(), "too long: at most 8760h");
        }
    }

    #[test]
    fn sizes_are_read() {
        for (text, size) in [("0", 0), ("16KiB", 16384), ("7B", 7), (" 1 MiB ", 1 << 20)] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "KiB", "-1", "1.5KiB", "1kb", "99999999999GiB"] {
            assert!(bytes(text).unwrap_err().contains("not a size"), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_range() {
        assert_eq!(within(2, &(2..=3), show_bytes), Ok(2));
        for (value, range, error) in [
            (1, 2..=3, "out of range: from 2 to 3"),
            (1025, 2..=1024, "out of range: from 2 to 1KiB"),
            (1, 1024..=u64::MAX, "out of range: at least 1KiB"),
        ] {
            assert_eq!(within(value, &range, show_bytes).unwrap_err(), error);
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for (nanos, text) in [
            (75_000_000_000, "75s"),
            (60_000_000_000, "1m"),
            (7, "7ns"),
            (0, "0s"),
        ] {
            assert_eq!(show_nanos(nanos), text);
            assert_eq!(super::nanos(text), Ok(nanos));
        }
        for (bytes, text) in [(16384, "16KiB"), (1000, "1000"), (0, "0")] {
            assert_eq!(show_bytes(bytes), text);
            assert_eq!(super::bytes(text), Ok(bytes));
        }
    }
}
