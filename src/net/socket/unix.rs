//! Unix sockets: one, at a path, which all workers share. Linux knows no `SO_REUSEPORT` for them.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::BACKLOG;

/// The file of a Unix socket, which is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Someone may have removed it already.
        let _ = fs::remove_file(&self.0);
    }
}

/// Listens at `path`, with a descriptor for each of `count` workers. The file of a server that has
/// ended is replaced.
///
/// # Errors
///
/// Those of unix(7) and bind(2): a server listens there already, the path is another kind of file,
/// is too long, or its folder is missing or not writable.
pub(crate) fn bind(path: &Path, count: usize) -> io::Result<(Vec<UnixListener>, SocketFile)> {
    let address = SockAddr::unix(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.bind(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
            fs::remove_file(path)?;
            socket.bind(&address)?;
        }
        bound => bound?,
    }
    let file = SocketFile(path.to_owned());
    socket.listen(BACKLOG)?;
    let first = UnixListener::from(socket);
    let mut listeners = Vec::with_capacity(count);
    for _ in 1..count {
        listeners.push(first.try_clone()?);
    }
    listeners.push(first);
    Ok((listeners, file))
}

/// Is there the file of a socket that has no listener any more?
fn is_stale(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    is_socket
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
