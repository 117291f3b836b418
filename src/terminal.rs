//! Standard output and standard error, which may be closed or full, and text from outside, which
//! may hold escape sequences.

use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// Prints a text to standard output, without what a terminal would obey.
///
/// # Errors
///
/// Those of write(2), except a closed pipe: a reader who leaves early has seen enough.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_styled(&clean_block(text))
}

/// Prints a text that may hold escape sequences of our own; what came from outside is clean in it.
///
/// # Errors
///
/// As those of [`print`].
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

/// Writes `command: sentence` to standard error. A failure to do so is ignored.
pub(crate) fn note(command: &str, sentence: impl Display) {
    let line = format!("{command}: {}\n", clean_block(&sentence.to_string()));
    // One write, so that lines of several processes do not mix.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Lines for a stream that may be closed, full or stuck, from threads that must not wait for it.
///
/// A thread of its own writes them. What does not fit into its queue is dropped and counted, and what
/// cannot be written is forgiven.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(String),
    /// All that came before it has been written.
    Mark(SyncSender<()>),
}

/// So many lines wait to be written.
const LINES_MAX: usize = 64;

impl Lines {
    /// Writes to `stream` from now on.
    ///
    /// # Errors
    ///
    /// When the kernel has no thread to give.
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
                // A reader that has left, or a full disk, must not end anything.
                let _ = stream
                    .write_all(text.as_bytes())
                    .and_then(|()| stream.flush());
            }
        })?;
        Ok(Self { queue, dropped })
    }

    /// Has a line written, without its end. Never waits.
    pub(crate) fn put(&self, line: String) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until all lines have been written, or for so long. Whether they were.
    pub(crate) fn finish(&self, time: Duration) -> bool {
        let (reached, mark) = sync_channel(1);
        self.queue.try_send(Message::Mark(reached)).is_ok() && mark.recv_timeout(time).is_ok()
    }
}

/// A line that moves no cursor, does not change the direction of writing, and is well-formed XML.
#[must_use]
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if is_obeyed(c) { '\u{fffd}' } else { c })
        .collect()
}

/// A block of lines: line feeds and tabs stay.
#[must_use]
pub(crate) fn clean_block(text: &str) -> String {
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
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Takes a text only when a token is there for it.
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
    fn a_stuck_stream_holds_up_nothing_and_what_it_missed_is_counted() {
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
        // It is stuck again, and left behind.
        assert!(!lines.finish(Duration::from_millis(1)));
    }

    #[test]
    fn a_stream_that_fails_is_forgiven() {
        let (gate, tokens) = channel();
        drop(gate);
        let lines = Lines::to(Gated(tokens, channel().0)).unwrap();
        lines.put("a".to_owned());
        lines.put("b".to_owned());
        assert!(lines.finish(Duration::from_secs(60)));
    }

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
