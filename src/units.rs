//! Times and sizes as users write them.

use std::ops::RangeInclusive;

/// A time such as `10s`, `1m30s` or `500ms`; a bare number is seconds. In nanoseconds, or what is
/// wrong with the text.
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
            "ns" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            // Only alone: what would the 5 of 1m5 be?
            "" if rest.len() == text.trim().len() => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(wrong()),
        };
        nanos += number * factor;
        rest = tail;
    }
    // A year is a slip of the finger.
    if nanos > 365.0 * 86400e9 {
        return Err(wrong());
    }
    #[expect(clippy::cast_sign_loss, reason = "no sign was read")]
    Ok(nanos.round() as u64)
}

/// A size such as `16384`, `16KiB` or `1MiB`. In bytes, or what is wrong with the text.
pub(crate) fn bytes(text: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
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
    let bytes = number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or("not a size: write a number of bytes, or of KiB, MiB or GiB, such as 16KiB")?;
    if range.contains(&bytes) {
        return Ok(bytes);
    }
    Err(match (*range.start(), *range.end()) {
        (least, u64::MAX) => format!("too small: at least {}", show(least)),
        (least, most) => format!("out of range: from {} to {}", show(least), show(most)),
    })
}

/// A size in its largest unit that leaves a whole number: `16 KiB` is `16KiB`, as it is read.
pub(crate) fn show(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let fits = |(shift, _): &(u32, &str)| bytes > 0 && bytes.is_multiple_of(1 << shift);
    match units.into_iter().find(fits) {
        Some((shift, unit)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
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
            "", "s", "-1s", "1d", "1m5", "1x", "1.2.3s", "1e3", "inf", "9999999h",
        ] {
            assert!(nanos(text).unwrap_err().contains("not a time"), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_within_their_range() {
        for (text, size) in [("0", 0), ("16KiB", 16384), ("7B", 7), (" 1 MiB ", 1 << 20)] {
            assert_eq!(bytes(text, 0..=u64::MAX), Ok(size), "{text}");
        }
        for text in ["", "KiB", "-1", "1.5KiB", "1kb", "99999999999GiB"] {
            assert!(
                bytes(text, 0..=u64::MAX)
                    .unwrap_err()
                    .contains("not a size"),
                "{text}"
            );
        }
        let error = bytes("1", 2..=3).unwrap_err();
        assert_eq!(error, "out of range: from 2 to 3");
        assert_eq!(
            bytes("1", 1024..=u64::MAX).unwrap_err(),
            "too small: at least 1KiB"
        );
    }
}
