//! How a process hands its sockets on to the one that takes its place, over a Unix socket which is the
//! standard input of that one.
//!
//! The old process sends [`Part`]s with the sockets, the last one without a listener. The new one answers with one
//! [`Answer`]. Both are JSON, so that another version of the program can understand them.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};
use socket2::{Domain, SockRef, Type};

use super::inherited::Inherited;

/// Set for a process that is to take over.
pub(super) const VARIABLE: &str = "HULLO_HANDOVER";

const VERSION: u32 = 1;

/// How many sockets a message carries: the kernel allows 253.
const SOCKETS_MAX: usize = 200;

const MESSAGE_BYTES_MAX: usize = 8 << 10;

/// How long the sockets may take to come: the old process sends them at once.
const SOCKETS_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize, Serialize)]
struct Part {
    version: u32,
    /// Whose sockets come with it. `None`: those were all.
    listener: Option<String>,
    /// Whether they belong to the same listener as those before.
    #[serde(default)]
    goes_on: bool,
}

#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    ready: bool,
    #[serde(default)]
    why: String,
}

/// The end of the new process.
#[derive(Debug)]
pub(super) struct Predecessor(OwnedFd);

impl Predecessor {
    /// The process that this one is to take over from, if the environment says so; and its sockets.
    ///
    /// # Errors
    ///
    /// A sentence, when they do not come.
    pub(super) fn of_this_process() -> Result<Option<(Self, Vec<Inherited>)>, String> {
        if std::env::var_os(VARIABLE).is_none() {
            return Ok(None);
        }
        let failed = |error: io::Error| format!("cannot take over ({VARIABLE} is set): {error}");
        let socket = take_standard_input().map_err(failed)?;
        let sockets = receive_all(&socket).map_err(failed)?;
        Ok(Some((Self(socket), sockets)))
    }

    /// This process serves.
    pub(super) fn ready(self) {
        self.answer(true, String::new());
    }

    /// This process ends.
    pub(super) fn failed(self, why: &str) {
        self.answer(false, why.to_owned());
    }

    fn answer(self, ready: bool, why: String) {
        // If the other end is gone, there is no one to tell.
        let _ = send(&self.0, &Answer { ready, why }, &[]);
    }
}

/// The standard input is the handover; what comes after this reads from `/dev/null`.
fn take_standard_input() -> io::Result<OwnedFd> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let kind = SockRef::from(&socket);
    let is_handover = kind.domain().is_ok_and(|domain| domain == Domain::UNIX)
        && kind.r#type().is_ok_and(|kind| kind == Type::SEQPACKET);
    if !is_handover {
        return Err(io::Error::other("the standard input is not such a socket"));
    }
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(socket)
}

fn receive_all(socket: &OwnedFd) -> io::Result<Vec<Inherited>> {
    let deadline = Instant::now() + SOCKETS_WITHIN;
    let mut listeners: Vec<Inherited> = Vec::new();
    loop {
        let (part, sockets): (Part, _) = receive(socket, deadline)?;
        if part.version != VERSION {
            let version = part.version;
            return Err(io::Error::other(format!(
                "the old process speaks version {version}, this one {VERSION}"
            )));
        }
        match (part.listener, listeners.last_mut()) {
            (None, _) => return Ok(listeners),
            (Some(_), Some(last)) if part.goes_on => last.sockets.extend(sockets),
            (Some(name), _) => listeners.push(Inherited { name, sockets }),
        }
    }
}

/// The end of the old process.
#[derive(Debug)]
pub(super) struct Handover(OwnedFd);

impl Handover {
    /// The two ends: this process's, and the standard input of the new one.
    ///
    /// # Errors
    ///
    /// Those of socketpair(2).
    pub(super) fn new() -> io::Result<(Self, OwnedFd)> {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (own, other) = socketpair(family, kind, SocketFlags::CLOEXEC, None)?;
        Ok((Self(own), other))
    }

    /// Sends the sockets of all listeners.
    ///
    /// # Errors
    ///
    /// Those of sendmsg(2).
    pub(super) fn send(&self, listeners: &[(String, Vec<OwnedFd>)]) -> io::Result<()> {
        SockRef::from(&self.0).set_write_timeout(Some(SOCKETS_WITHIN))?;
        for (name, sockets) in listeners {
            for (place, sockets) in sockets.chunks(SOCKETS_MAX).enumerate() {
                let part = Part {
                    version: VERSION,
                    listener: Some(name.clone()),
                    goes_on: place > 0,
                };
                let sockets: Vec<BorrowedFd<'_>> = sockets.iter().map(OwnedFd::as_fd).collect();
                send(&self.0, &part, &sockets)?;
            }
        }
        let end = Part {
            version: VERSION,
            listener: None,
            goes_on: false,
        };
        send(&self.0, &end, &[])
    }

    /// Waits until the new process says that it serves.
    ///
    /// # Errors
    ///
    /// What it says otherwise. `None`: it has ended without a word, or the time is over.
    pub(super) fn wait_ready(&self, deadline: Instant) -> Result<(), Option<String>> {
        match receive(&self.0, deadline) {
            Ok((Answer { ready: true, .. }, _)) => Ok(()),
            Ok((Answer { why, .. }, _)) => Err(Some(why)),
            Err(_) => Err(None),
        }
    }
}

fn send(socket: &OwnedFd, message: &impl Serialize, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !sockets.is_empty() && !control.push(SendAncillaryMessage::ScmRights(sockets)) {
        return Err(io::Error::other("too many sockets for a message"));
    }
    sendmsg(
        socket,
        &[IoSlice::new(&text)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

fn receive<M: for<'m> Deserialize<'m>>(
    socket: &OwnedFd,
    deadline: Instant,
) -> io::Result<(M, Vec<OwnedFd>)> {
    let mut text = [0; MESSAGE_BYTES_MAX];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        SockRef::from(socket).set_read_timeout(Some(left))?;
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_MAX))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut block = [IoSliceMut::new(&mut text)];
        let bytes = match recvmsg(socket, &mut block, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(message) => message.bytes,
            // The time is looked at again.
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(error) => return Err(error.into()),
        };
        if bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let sockets = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(sockets) => Some(sockets),
            _ => None,
        });
        let sockets = sockets.flatten().collect();
        return Ok((serde_json::from_slice(&text[..bytes])?, sockets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn listeners(count: usize) -> Vec<OwnedFd> {
        let one = TcpListener::bind("127.0.0.1:0").unwrap();
        (0..count)
            .map(|_| one.try_clone().unwrap().into())
            .collect()
    }

    #[test]
    fn all_sockets_arrive_in_their_order() {
        let (old, new) = Handover::new().unwrap();
        let sent = [("a", 1), ("b", 2 * SOCKETS_MAX + 1), ("a", 3)];
        let all = sent.map(|(name, count)| (name.to_owned(), listeners(count)));
        let sender = std::thread::spawn(move || old.send(&all).map(|()| old));
        let got = receive_all(&new).unwrap();
        let got: Vec<(&str, usize)> = got
            .iter()
            .map(|one| (one.name.as_str(), one.sockets.len()))
            .collect();
        assert_eq!(got, sent);
        let old = sender.join().unwrap().unwrap();
        Predecessor(new).failed("no memory");
        let soon = Instant::now() + Duration::from_secs(10);
        assert_eq!(old.wait_ready(soon), Err(Some("no memory".to_owned())));
        assert_eq!(old.wait_ready(soon), Err(None), "it is gone");
    }

    #[test]
    fn nothing_is_waited_for_after_the_deadline() {
        let (old, new) = Handover::new().unwrap();
        let start = Instant::now();
        let soon = start + Duration::from_millis(50);
        assert_eq!(old.wait_ready(soon), Err(None));
        assert!(start.elapsed() >= Duration::from_millis(50));
        Predecessor(new).ready();
        let soon = Instant::now() + Duration::from_secs(10);
        assert_eq!(old.wait_ready(soon), Ok(()));
    }

    #[test]
    fn another_version_is_refused() {
        let (old, new) = Handover::new().unwrap();
        let part = Part {
            version: VERSION + 1,
            listener: None,
            goes_on: false,
        };
        send(&old.0, &part, &[]).unwrap();
        let error = receive_all(&new).unwrap_err().to_string();
        assert!(error.contains("speaks version 2"), "{error}");
    }
}
