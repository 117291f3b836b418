//! Where an access log goes: a file, or standard output.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// What its owner may do with a new file, and what its group may.
const MODE: u32 = 0o640;

/// What `--access-log` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Destination {
    Stdout,
    File(PathBuf),
}

/// A destination that is open.
pub(super) struct Output(File);

impl Destination {
    /// `-` is standard output.
    pub(in super::super) fn of(text: &str) -> Self {
        match text {
            "-" => Self::Stdout,
            path => Self::File(path.into()),
        }
    }

    /// Can it be opened again?
    pub(in super::super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    pub(super) fn open(&self) -> Result<Output, String> {
        let Self::File(path) = self else {
            let stdout = io::stdout().as_fd().try_clone_to_owned();
            let stdout = stdout.map_err(|error| error.to_string())?;
            return Ok(Output(stdout.into()));
        };
        // Non-blocking: a FIFO without a reader would block open(2), and a full one each write.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(MODE)
            .custom_flags(flags.bits().cast_signed())
            .open(path);
        match file {
            Ok(file) => Ok(Output(file)),
            Err(error) => Err(self.cannot_open(&error)),
        }
    }

    /// What went wrong, and what to do next.
    fn cannot_open(&self, error: &io::Error) -> String {
        let Self::File(path) = self else {
            return error.to_string();
        };
        let is_fifo = || path.metadata().is_ok_and(|it| it.file_type().is_fifo());
        match error.kind() {
            ErrorKind::IsADirectory => "it is a directory: add the name of a file".to_owned(),
            ErrorKind::NotFound => "its directory does not exist: create it first".to_owned(),
            ErrorKind::PermissionDenied => {
                "this user may not write there: change its owner or mode, or choose another path"
                    .to_owned()
            }
            _ if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) && is_fifo() => {
                "no process reads from this FIFO: start its reader first".to_owned()
            }
            _ => error.to_string(),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => out.write_str("on standard output"),
            Self::File(path) => path.display().fmt(out),
        }
    }
}

impl Output {
    /// Writes a part of `bytes`, and says how much. [`ErrorKind::WouldBlock`]: it is full.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            written => written,
        }
    }

    /// Waits until it takes more, for at most `time`.
    pub(super) fn wait_for_room(&self, time: Duration) {
        let time = Timespec::try_from(time).unwrap_or_default();
        let mut fds = [PollFd::new(&self.0, PollFlags::OUT)];
        // When this fails, the next write tells why.
        let _ = poll(&mut fds, Some(&time));
    }
}
