//! Where notices go: the stream may be stuck, or fail, and each kind of notice comes once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::dice::Dice;
use crate::net::{Hook, Notice};

/// A hook, and what went through it.
pub(super) struct Sink {
    stream: Stream,
    counts: Arc<[AtomicUsize; 4]>,
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    None,
    #[cfg(feature = "cli")]
    Stuck,
    #[cfg(feature = "cli")]
    Failing,
}

impl Sink {
    pub(super) fn any(dice: &mut Dice) -> Self {
        let streams = [
            Stream::None,
            #[cfg(feature = "cli")]
            Stream::Stuck,
            #[cfg(feature = "cli")]
            Stream::Failing,
        ];
        Self {
            stream: *dice.pick(&streams),
            counts: Arc::default(),
        }
    }

    pub(super) fn hook(&self) -> Hook {
        let counts = Arc::clone(&self.counts);
        let stream = self.stream;
        Box::new(move |notice| {
            let kind = match notice {
                Notice::ConnectionLimit { .. } => 0,
                Notice::AcceptFailed { .. } => 1,
                Notice::BufferLimit { .. } => 2,
                Notice::OutOfMemory => 3,
            };
            counts[kind].fetch_add(1, Ordering::Relaxed);
            match stream {
                Stream::None => {}
                #[cfg(feature = "cli")]
                Stream::Stuck => stuck().put(notice.to_string()),
                #[cfg(feature = "cli")]
                Stream::Failing => failing().put(notice.to_string()),
            }
        })
    }

    /// Did each kind come once at most?
    pub(super) fn check(&self) -> Result<(), String> {
        let counts: Vec<usize> = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect();
        if counts.iter().any(|count| *count > 1) {
            return Err(format!("a kind of notice came again: {counts:?}"));
        }
        Ok(())
    }
}

/// One for all worlds: its thread never ends.
#[cfg(feature = "cli")]
fn stuck() -> &'static crate::terminal::Lines {
    use std::sync::OnceLock;

    struct Stuck;

    impl std::io::Write for Stuck {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            loop {
                std::thread::park();
            }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    static LINES: OnceLock<crate::terminal::Lines> = OnceLock::new();
    LINES.get_or_init(|| crate::terminal::Lines::to(Stuck).expect("a thread"))
}

#[cfg(feature = "cli")]
fn failing() -> &'static crate::terminal::Lines {
    use std::sync::OnceLock;

    struct Failing;

    impl std::io::Write for Failing {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }

    static LINES: OnceLock<crate::terminal::Lines> = OnceLock::new();
    LINES.get_or_init(|| crate::terminal::Lines::to(Failing).expect("a thread"))
}
