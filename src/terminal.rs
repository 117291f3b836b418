//! Standard output and standard error, which may be closed or full, and text from outside, which
//! may hold escape sequences.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Prints a text to standard output, without what a terminal would obey.
///
/// # Errors
///
/// Those of write(2), but for a closed pipe: a reader who leaves early has seen enough.
pub fn print(text: &str) -> io::Result<()> {
    print_styled(&clean_block(text))
}

/// Prints a text that may hold escape sequences of our own; what came from outside is clean in it.
///
/// # Errors
///
/// As those of [`print`].
pub fn print_styled(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Says a sentence on standard error as `who: sentence`. That nobody can read it is no reason to
/// fail.
pub fn note(who: &str, sentence: impl Display) {
    let line = format!("{who}: {}\n", clean_block(&sentence.to_string()));
    // One write, so that lines of several processes do not mix.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// A line that moves no cursor, does not change the direction of writing, and is well-formed XML.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if is_obeyed(c) { '\u{fffd}' } else { c })
        .collect()
}

/// A block of lines: line feeds and tabs stay.
#[must_use]
pub fn clean_block(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            _ if is_obeyed(c) => '\u{fffd}',
            _ => c,
        })
        .collect()
}

fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        // What changes the direction of writing.
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_replaced() {
        assert_eq!(
            clean("a\x1b[31mb\nc\u{202e}d\u{7f}"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\u{fffd}"
        );
        assert_eq!(clean("größer 日本"), "größer 日本");
        assert_eq!(clean_block("a\n\tb\x07"), "a\n\tb\u{fffd}");
    }
}
