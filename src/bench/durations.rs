//! Measured times as text.

/// Seconds as hey writes them, with the digits that a fast server needs.
pub(super) fn secs(nanos: f64) -> String {
    format!("{:.6} secs", nanos / 1e9)
}

/// Three digits, in a suitable unit.
pub(super) fn short(nanos: f64) -> String {
    let (value, unit) = in_unit(nanos);
    let digits = match value {
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// In the unit in which it is from 1 to 1000, if there is one.
pub(super) fn in_unit(nanos: f64) -> (f64, &'static str) {
    match nanos {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "\u{b5}s"),
        n if n < 1e9 => (n / 1e6, "ms"),
        n => (n / 1e9, "s"),
    }
}
