//! The listeners of a server: bound by it, given to it, or taken over from another server.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use socket2::SockRef;

use super::Server;
use super::permissions::SocketPermissions;
use crate::net::listener::LISTENERS_MAX;
use crate::net::socket::unix::SocketFile;
use crate::net::socket::{Listener, tcp, unix};

/// The sockets of one listener. A worker has sockets of its own, and some that all workers share.
#[derive(Debug)]
pub(super) struct Sockets(Vec<Arc<Listener>>);

impl Sockets {
    fn new(sockets: impl IntoIterator<Item = impl Into<Listener>>) -> Self {
        Self(
            sockets
                .into_iter()
                .map(|one| Arc::new(one.into()))
                .collect(),
        )
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        self.0.first().and_then(|socket| socket.local_addr())
    }

    /// What each worker accepts from. Each socket has to be accepted from, because the kernel spreads
    /// new connections over all of them; those that are left over are shared, so that each worker has
    /// the same share.
    pub(super) fn of_workers(&self, workers: usize) -> Vec<Vec<Arc<Listener>>> {
        let each = self.0.len() / workers.max(1);
        let (own, shared) = self.0.split_at(each * workers);
        let worker = |number: usize| {
            let own = own.iter().skip(number * each).take(each);
            own.chain(shared).map(Arc::clone).collect()
        };
        (0..workers).map(worker).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn downgrade(&self) -> Vec<Weak<Listener>> {
        self.0.iter().map(Arc::downgrade).collect()
    }
}

impl Server {
    /// Listens on another address as well. `[::]` is every address, of IPv4 as well.
    ///
    /// # Errors
    ///
    /// Those of bind(2), as for [`bind`](Self::bind); [`io::ErrorKind::InvalidInput`] when there are too
    /// many listeners.
    pub fn listen(self, address: SocketAddr) -> io::Result<Self> {
        let listeners = tcp::bind(address, self.workers())?;
        self.add(Sockets::new(listeners))
    }

    /// Accepts from a socket that listens already, an inherited one for instance: a
    /// [`TcpListener`](std::net::TcpListener), a [`UnixListener`](std::os::unix::net::UnixListener), or
    /// either of them as an [`OwnedFd`]. The workers share it, so an idle worker is not preferred to a busy
    /// one. Its `TCP_NODELAY` stays as it is. The file of a Unix socket is not removed at the
    /// end.
    ///
    /// # Errors
    ///
    /// Those of fcntl(2); [`io::ErrorKind::InvalidInput`] when it does not listen, or there are too many
    /// listeners.
    pub fn listener(self, listener: impl Into<OwnedFd>) -> io::Result<Self> {
        self.add(Sockets::new([Listener::inherited(listener.into())?]))
    }

    /// Listens on a Unix socket at `path` as well. The file of a server that has ended is replaced;
    /// the file of this one is removed when it ends. Two servers that replace the same file at the same
    /// moment are not told apart.
    ///
    /// The file's mode follows the umask: see [`listen_unix_with`](Self::listen_unix_with).
    ///
    /// # Errors
    ///
    /// Those of unix(7) and bind(2): [`io::ErrorKind::AddrInUse`] when a server listens there or the
    /// path is another kind of file, [`io::ErrorKind::NotFound`] when its folder is missing,
    /// [`io::ErrorKind::PermissionDenied`] when that is not writable, [`io::ErrorKind::InvalidInput`]
    /// when the path is empty, abstract or too long, or there are too many listeners.
    pub fn listen_unix(self, path: impl AsRef<Path>) -> io::Result<Self> {
        self.listen_unix_with(path, SocketPermissions::default())
    }

    /// As [`listen_unix`](Self::listen_unix), and says who may connect. At no time can others.
    ///
    /// # Errors
    ///
    /// As there, and those of chown(2) and chmod(2).
    pub fn listen_unix_with(
        self,
        path: impl AsRef<Path>,
        permissions: SocketPermissions,
    ) -> io::Result<Self> {
        let (listener, file) = unix::bind(path.as_ref(), |file| permissions.apply(file))?;
        let server = self.add(Sockets::new([listener]))?;
        server.socket_files.push(file);
        Ok(server)
    }

    /// Listens on the sockets of one listener of another server, as [`ListenersHandle::sockets`] returns
    /// them. No connection is lost, also with another number of workers: if there are more sockets than
    /// workers, these share them; if there are fewer, more are bound to the same address, or shared if that
    /// is not possible.
    ///
    /// The file of a Unix socket is removed when this server ends. Its path has to mean the same as to the
    /// other server, if it is relative.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] when there is no socket, one of them does not listen, or there are
    /// too many listeners; those of fcntl(2).
    pub fn take_over(self, sockets: impl IntoIterator<Item = OwnedFd>) -> io::Result<Self> {
        let sockets = sockets.into_iter().map(Listener::inherited);
        let mut sockets = sockets.collect::<io::Result<Vec<_>>>()?;
        let Some(first) = sockets.first() else {
            let error = "a listener has at least one socket";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        };
        let address = SockRef::from(first).local_addr()?;
        let file = address.as_pathname().map(SocketFile::at).transpose()?;
        let missing = self.workers().saturating_sub(sockets.len());
        if missing > 0 && !address.is_unix() {
            // The sockets of another user cannot have siblings: then they are shared.
            let siblings = tcp::siblings(first, missing).unwrap_or_default();
            for socket in &sockets {
                SockRef::from(socket).set_reuse_port(!siblings.is_empty() || sockets.len() > 1)?;
            }
            sockets.extend(siblings.into_iter().map(Listener::from));
        }
        let server = self.add(Sockets::new(sockets))?;
        if let Some(file) = file {
            server.socket_files.push(file);
        }
        Ok(server)
    }

    fn workers(&self) -> usize {
        self.options.workers.get()
    }

    fn add(mut self, sockets: Sockets) -> io::Result<Self> {
        if self.listeners.len() >= LISTENERS_MAX {
            let error = format!("a server has at most {LISTENERS_MAX} listeners");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
        }
        self.listeners.push(sockets);
        Ok(self)
    }
}

/// The files of a server's Unix sockets.
#[derive(Clone, Debug, Default)]
pub(super) struct SocketFiles(Arc<Mutex<Vec<SocketFile>>>);

impl SocketFiles {
    fn push(&self, file: SocketFile) {
        self.lock().push(file);
    }

    /// Removes those that are still to be removed.
    pub(super) fn remove(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SocketFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sockets that a server listens on, for a process that takes its place.
#[derive(Clone, Debug)]
pub struct ListenersHandle {
    /// A socket is closed when the workers have closed it, and not later.
    sockets: Vec<Vec<Weak<Listener>>>,
    files: SocketFiles,
}

impl ListenersHandle {
    pub(super) fn new(listeners: &[Sockets], files: SocketFiles) -> Self {
        Self {
            sockets: listeners.iter().map(Sockets::downgrade).collect(),
            files,
        }
    }

    /// Duplicates of the sockets of each listener, in the order of [`Place::listener`](super::Place),
    /// except those that the workers have closed. A process that gets all of them (in a message over a Unix
    /// socket, for instance) can [take over](Server::take_over) before this server drains.
    ///
    /// # Errors
    ///
    /// Those of fcntl(2).
    pub fn sockets(&self) -> io::Result<Vec<Vec<OwnedFd>>> {
        let duplicate = |socket: &Arc<Listener>| socket.as_fd().try_clone_to_owned();
        let of_listener = |sockets: &Vec<Weak<Listener>>| {
            let open = sockets.iter().filter_map(Weak::upgrade);
            open.map(|socket| duplicate(&socket)).collect()
        };
        self.sockets.iter().map(of_listener).collect()
    }

    /// Leaves the files of the Unix sockets where they are when the server ends: another process listens
    /// there.
    pub fn leave_files(&self) {
        self.files.lock().iter_mut().for_each(SocketFile::leave);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(count: usize) -> Sockets {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Sockets::new(tcp::bind(address, count).unwrap())
    }

    #[test]
    fn each_socket_is_accepted_from_and_each_worker_has_the_same_share() {
        for count in 1..8 {
            let sockets = sockets(count);
            for workers in 1..8 {
                let shares = sockets.of_workers(workers);
                assert_eq!(shares.len(), workers);
                let each = count / workers + count % workers;
                assert!(shares.iter().all(|share| share.len() == each));
                for socket in &sockets.0 {
                    let has = |share: &&Vec<_>| share.iter().any(|one| Arc::ptr_eq(one, socket));
                    let holders = shares.iter().filter(has).count();
                    assert!([1, workers].contains(&holders), "{count} {workers}");
                }
            }
        }
    }
}
