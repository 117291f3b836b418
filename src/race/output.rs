//! What a program printed, for a sentence about its end.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

/// How much of it is shown.
const SAID_BYTES_MAX: u64 = 600;
const SAID_LINES_MAX: usize = 5;
/// The end of an output, as a part of a sentence.
pub(super) fn said(output: &mut File) -> String {
    let length = output.seek(SeekFrom::End(0)).unwrap_or(0);
    let start = length.saturating_sub(SAID_BYTES_MAX);
    let mut bytes = Vec::new();
    let read = output
        .seek(SeekFrom::Start(start))
        .and_then(|_| output.take(SAID_BYTES_MAX).read_to_end(&mut bytes));
    match (read, last_lines(&String::from_utf8_lossy(&bytes))) {
        (Ok(_), lines) if !lines.is_empty() => format!("; it printed: {lines}"),
        _ => "; it printed nothing".to_owned(),
    }
}

/// The last lines of an output in one, the first of them perhaps cut.
fn last_lines(text: &str) -> String {
    let lines = text.lines().rev();
    let lines = lines.map(|line| line.replace(char::is_control, " "));
    let lines = lines.map(|line| line.trim().to_owned());
    let mut lines: Vec<String> = lines
        .filter(|line| !line.is_empty())
        .take(SAID_LINES_MAX)
        .collect();
    lines.reverse();
    lines.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_told_in_one() {
        assert_eq!(last_lines(""), "");
        assert_eq!(last_lines("a\n\n b\x1b[1m\n"), "a | b [1m");
        assert_eq!(last_lines("1\n2\n3\n4\n5\n6\n"), "2 | 3 | 4 | 5 | 6");
    }
}
