//! Times as hey's users write them: `10s`, `1m30s`, `500ms`; a bare number is seconds.

/// Nanoseconds, or what is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no duration: write 10s, 1m30s, 500ms, or seconds alone");
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
    Ok(nanos.round() as u64)
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
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_said() {
        for text in [
            "", "s", "-1s", "1d", "1m5", "1x", "1.2.3s", "1e3", "inf", "9999999h",
        ] {
            assert!(
                parse(text).unwrap_err().contains("is no duration"),
                "{text}"
            );
        }
    }
}
