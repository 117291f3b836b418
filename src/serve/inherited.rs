//! Sockets that listen already when the process starts: those of the process whose place it takes, and those of a
//! supervisor such as systemd, by the protocol of `sd_listen_fds(3)`.

use std::os::fd::OwnedFd;

use listenfd::ListenFd;
use socket2::{Domain, SockAddr, SockRef, Type};

/// A listener that this process has not bound.
#[derive(Debug)]
pub(super) struct Inherited {
    /// What the old process calls it. If it has it from a supervisor: [`GIVEN`] and what that calls it
    /// (`FileDescriptorName=`).
    pub(super) name: String,
    /// One, or one for each of several workers.
    pub(super) sockets: Vec<OwnedFd>,
}

const GIVEN: &str = "given:";

impl Inherited {
    /// Whether a supervisor has bound it.
    pub(super) fn is_given(&self) -> bool {
        self.name.starts_with(GIVEN)
    }

    /// What to call it: by the path of a Unix socket, if it has one.
    pub(super) fn describe(&self) -> String {
        let address = self.sockets.first();
        let address = address.and_then(|socket| SockRef::from(socket).local_addr().ok());
        let path = address.as_ref().and_then(SockAddr::as_pathname);
        path.map_or_else(
            || format!("socket {}", self.name),
            |path| format!("unix:{}", path.display()),
        )
    }
}

/// Takes the sockets that the environment announces (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`), and
/// removes the first two of these variables. No other thread may run yet.
///
/// # Errors
///
/// A sentence, when one of them is no listening stream socket.
pub(super) fn from_supervisor() -> Result<Vec<Inherited>, String> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut descriptors = ListenFd::from_env();
    let mut names = names.split(':');
    let count = descriptors.len();
    let take = |place: usize| {
        let name = names.next().unwrap_or_default().to_owned();
        let socket = take(&mut descriptors, place).ok_or_else(|| {
            format!(
                "descriptor {} of LISTEN_FDS ({name:?}) is not a TCP or Unix stream socket that listens: see ListenStream= in systemd.socket(5)",
                place + 3
            )
        })?;
        Ok(Inherited {
            name: format!("{GIVEN}{name}"),
            sockets: vec![socket],
        })
    };
    (0..count).map(take).collect()
}

fn take(descriptors: &mut ListenFd, place: usize) -> Option<OwnedFd> {
    let (stream, none) = (i32::from(Type::STREAM), "");
    // Each fails, and takes nothing, if the socket is of another kind. IPV4 stands for IPV6 as well.
    let socket = [Domain::UNIX, Domain::IPV4]
        .into_iter()
        .find_map(|domain| {
            let taken = descriptors.take_custom(place, i32::from(domain), stream, none);
            taken.ok().flatten()
        })?;
    let listens = SockRef::from(&socket).is_listener();
    listens.is_ok_and(|listens| listens).then_some(socket)
}
