//! Writes to standard output and standard error, which may be closed or blocked, and removes escape
//! sequences from text that came from outside.

use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Prints a text to standard output, without control characters.
///
/// # Errors
///
/// Those of write(2), except a closed pipe: the reader has seen enough.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_styled(&clean_block(text))
}

/// Prints a text with escape sequences of our own. The caller has cleaned what came from outside.
///
/// # Errors
///
/// The same as [`print`].
pub(crate) fn print_styled(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// Writes `command: sentence` to standard error, and ignores a failure.
pub(crate) fn note(command: &str, sentence: impl Display) {
    let line = format!("{command}: {}\n", clean_block(&sentence.to_string()));
    // One write, so that the lines of several processes do not interleave.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Writes lines to a stream that may be closed or blocked, from threads that must not wait for it.
///
/// A separate thread writes them. It drops and counts the lines that its queue has no room for, and
/// ignores errors of the stream.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(String),
    /// Reached when every line before it has been written.
    Mark(SyncSender<()>),
}

/// How many lines the queue holds.
const LINES_MAX: usize = 64;

impl Lines {
    /// Starts a thread that writes to `stream`.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub(crate) fn to(mut stream: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, messages) = sync_channel(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&dropped);
        let writer = thread::Builder::new().name("hullo-lines".to_owned());
        writer.spawn(move || {
            for message in messages {
                let mut text = match message {
                    Message::Line(line) => clean(&line) + "\n",
                    Message::Mark(reached) => {
                        let _ = reached.send(());
                        continue;
                    }
                };
                let count = lost.swap(0, Ordering::Relaxed);
                if count > 0 {
                    let _ = writeln!(text, "(lines dropped: {count})");
                }
                // A closed pipe or a full disk must not stop the process.
                let _ = stream
                    .write_all(text.as_bytes())
                    .and_then(|()| stream.flush());
            }
        })?;
        Ok(Self { queue, dropped })
    }

    /// Queues a line, given without its line end. Never blocks.
    pub(crate) fn put(&self, line: String) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all queued lines have been written, for at most `time`. Returns whether they were.
    pub(crate) fn finish(&self, time: Duration) -> bool {
        let (reached, mark) = sync_channel(1);
        self.queue.try_send(Message::Mark(reached)).is_ok() && mark.recv_timeout(time).is_ok()
    }
}

/// Replaces the characters that would move the cursor, change the direction of writing, or be invalid
/// in XML.
#[must_use]
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if is_control(c) { '\u{fffd}' } else { c })
        .collect()
}

/// The same as [`clean`], but keeps line feeds and tabs.
#[must_use]
pub(crate) fn clean_block(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            _ if is_control(c) => '\u{fffd}',
            _ => c,
        })
        .collect()
}

fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        // They change the direction of writing.
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A stream that blocks until it receives a token for each write.
    struct Gated(Receiver<()>, Sender<String>);

    impl Write for Gated {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| ErrorKind::BrokenPipe)?;
            let _ = self.1.send(String::from_utf8_lossy(text).into_owned());
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_stream_delays_nothing_and_dropped_lines_are_counted() {
        let (gate, tokens) = channel();
        let (taken, texts) = channel();
        let lines = Lines::to(Gated(tokens, taken)).unwrap();
        for number in 0..1000 {
            lines.put(format!("line {number}\x1b"));
        }
        for _ in 0..2 {
            gate.send(()).unwrap();
        }
        let first = texts.recv().unwrap();
        assert!(first.starts_with("line 0\u{fffd}\n"), "{first}");
        let both = first + &texts.recv().unwrap();
        assert!(both.contains("(lines dropped: "), "{both}");
        // It is blocked again.
        assert!(!lines.finish(Duration::from_millis(1)));
    }

    #[test]
    fn errors_of_the_stream_are_ignored() {
        let (gate, tokens) = channel();
        drop(gate);
        let lines = Lines::to(Gated(tokens, channel().0)).unwrap();
        lines.put("a".to_owned());
        lines.put("b".to_owned());
        assert!(lines.finish(Duration::from_secs(60)));
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(
            clean("a\x1b[31mb\nc\u{202e}d\u{7f}"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\u{fffd}"
        );
        assert_eq!(clean("größer 日本"), "größer 日本");
        assert_eq!(clean_block("a\n\tb\x07"), "a\n\tb\u{fffd}");
    }
}
