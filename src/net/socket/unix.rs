//! Unix sockets: one, at a path, which all workers share. Linux knows no `SO_REUSEPORT` for them.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::BACKLOG;

/// A server that starts has bound its file and does not listen yet: a file without a listener is
/// looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The file of a Unix socket, which is removed when this is dropped, unless it is another by then.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    id: Option<(u64, u64)>,
}

impl SocketFile {
    /// The file at `path`, as it is now.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        // The working directory may be another one at the end.
        let path = std::path::absolute(path)?;
        let id = id(&path);
        Ok(Self { path, id })
    }

    /// It is left where it is.
    pub(crate) fn leave(&mut self) {
        self.id = None;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.id.is_some() && id(&self.path) == self.id {
            // Someone may have removed it already.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Which file a path names: its device and inode.
fn id(path: &Path) -> Option<(u64, u64)> {
    let file = fs::symlink_metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

/// Listens at `path`, after `prepare` has done with the file what is to be done before anyone can connect. The
/// file of a server that has ended is replaced.
///
/// # Errors
///
/// Those of unix(7), bind(2) and `prepare`: a server listens there already, the path is another
/// kind of file, is empty, abstract or too long, or its folder is missing or not writable.
pub(crate) fn bind(
    path: &Path,
    prepare: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<(UnixListener, SocketFile)> {
    // Linux would take these for names that are not in the file system.
    if matches!(path.as_os_str().as_bytes(), [] | [0, ..]) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not the path of a file",
        ));
    }
    let address = SockAddr::unix(path)?;
    let socket = socket()?;
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path, &address) => {
            fs::remove_file(path)?;
            socket.bind(&address)?;
        }
        bound => bound?,
    }
    let file = SocketFile::at(path)?;
    prepare(path)?;
    socket.listen(BACKLOG)?;
    Ok((socket.into(), file))
}

fn socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Is this the file of a socket without a listener, and still so after a moment? A server that does
/// not accept has a full queue (EAGAIN), and is a server.
fn is_stale(path: &Path, address: &SockAddr) -> bool {
    let is_refused = || {
        let connected = socket().and_then(|socket| socket.connect(address));
        connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let before = id(path);
    let was_refused = is_socket && is_refused();
    if was_refused {
        thread::sleep(LOOK_AGAIN);
    }
    was_refused && is_refused() && id(path) == before
}
