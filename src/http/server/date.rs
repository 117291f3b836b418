//! Unix second -> IMF-fixdate (RFC 9110 section 5.6.7).

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

/// `Tue, 24 Nov 2026 02:00:00 GMT`
pub(super) const DATE_BYTES: usize = 29;

/// 9999-12-31 23:59:59: the last second that the format can express.
const LAST_SECOND: u64 = 253_402_300_799;

/// The instant `unix_seconds` after 1970-01-01 00:00:00 UTC. Past the year 9999 it stays there.
pub(super) fn imf_fixdate(unix_seconds: u64) -> [u8; DATE_BYTES] {
    let instant = UNIX_EPOCH + Duration::from_secs(unix_seconds.min(LAST_SECOND));
    let mut date = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    // It always has 29 bytes; if it had not, the date would be wrong, but nothing after it would move.
    let _ = write!(&mut date[..], "{}", httpdate::HttpDate::from(instant));
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (second, date) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), // RFC 9110's own example
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_795_485_600, "Tue, 24 Nov 2026 02:00:00 GMT"),
            (LAST_SECOND, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (LAST_SECOND + 1, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(std::str::from_utf8(&imf_fixdate(second)).unwrap(), date);
        }
    }
}
