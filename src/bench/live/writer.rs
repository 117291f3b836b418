//! Writes a file on a thread of its own: a slow disk or a reader that stands still delays nothing else.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::Duration;

use crate::terminal::note;

/// How many pieces wait to be written.
const PIECES_MAX: usize = 64;

/// How long the end of a run waits for the rest to be written.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Writer {
    name: String,
    pieces: Option<SyncSender<Vec<u8>>>,
    done: Receiver<Result<(), ErrorKind>>,
    lost: u64,
}

impl Writer {
    /// Creates the file, or empties it.
    pub(super) fn create(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let failed = |error: std::io::Error| format!("cannot write {name}: {error}");
        let file = File::create(path).map_err(failed)?;
        let (pieces, received) = sync_channel(PIECES_MAX);
        let (ended, done) = channel();
        let of_thread = name.clone();
        let thread = thread::Builder::new().name("bench-writer".to_owned());
        let body = move || write_all(file, &of_thread, &received, &ended);
        thread.spawn(body).map_err(failed)?;
        Ok(Self {
            name,
            pieces: Some(pieces),
            done,
            lost: 0,
        })
    }

    /// Queues a piece. Never waits: without room the piece is lost.
    pub(super) fn put(&mut self, piece: Vec<u8>) {
        let pieces = self.pieces.as_ref();
        let sent = pieces.map_or(Ok(()), |pieces| pieces.try_send(piece));
        if let Err(TrySendError::Full(_)) = sent {
            self.lost += 1;
        }
    }

    /// Waits a moment for the rest to be written. The error says what is missing in the file. A reader that
    /// has closed its pipe has seen enough.
    pub(super) fn finish(mut self) -> Result<(), String> {
        self.pieces = None;
        let name = &self.name;
        match self.done.recv_timeout(PATIENCE) {
            Ok(Ok(()) | Err(ErrorKind::BrokenPipe)) if self.lost == 0 => Ok(()),
            Ok(Ok(())) => Err(format!(
                "{name} lacks {} pieces: what reads it is too slow",
                self.lost
            )),
            Ok(Err(_)) => Err(format!("{name} is not complete")),
            Err(_) => Err(format!("{name} is not complete: what reads it is too slow")),
        }
    }
}

/// After an error, which is told once, the rest is thrown away.
fn write_all(
    mut file: File,
    name: &str,
    pieces: &Receiver<Vec<u8>>,
    ended: &Sender<Result<(), ErrorKind>>,
) {
    let mut outcome = Ok(());
    for piece in pieces {
        if outcome.is_ok()
            && let Err(error) = file.write_all(&piece)
        {
            note(
                "hullo bench",
                format!("warning: cannot write {name}: {error}; the run goes on without it"),
            );
            outcome = Err(error.kind());
        }
    }
    let _ = ended.send(outcome);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_at_the_end() {
        let mut writer = Writer::create(Path::new("/dev/full")).unwrap();
        for _ in 0..1000 {
            writer.put(b"text\n".to_vec());
        }
        let said = writer.finish().unwrap_err();
        assert_eq!(said, "/dev/full is not complete");
        assert!(Writer::create(Path::new("/nowhere/at.all")).is_err());
    }

    /// Nothing reads the pipe.
    #[test]
    fn a_reader_that_stands_still_delays_nothing() {
        let (reader, pipe) = std::io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&pipe));
        let mut writer = Writer::create(Path::new(&path)).unwrap();
        for _ in 0..200 {
            writer.put(vec![b'x'; 64 * 1024]);
        }
        assert!(writer.lost > 0);
        let said = writer.finish().unwrap_err();
        assert!(said.contains("too slow"), "{said}");
        drop(reader);
    }
}
