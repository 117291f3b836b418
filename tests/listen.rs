//! `hullo serve --listen`: every form of an address, Unix sockets, and sockets of a supervisor.
#![allow(missing_docs)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use command_fds::{CommandFdExt as _, FdMapping};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A server. It is killed when this is dropped.
struct Hullo {
    child: Child,
    /// What it says that it listens on, such as `http://127.0.0.1:8080`.
    names: Vec<String>,
}

fn hullo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hullo"));
    command.args(["serve", "--workers", "2"]);
    command
}

impl Hullo {
    /// Starts it, with so many listeners.
    #[track_caller]
    fn start(mut command: Command, listeners: usize) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let lines = stdout.lines().take(listeners).map(Result::unwrap);
        let name = |line: String| line.split(' ').nth(2).unwrap().to_owned();
        let names = lines.map(name).collect();
        let hullo = Self { child, names };
        assert_eq!(hullo.names.len(), listeners, "{:?}", hullo.names);
        hullo
    }

    fn listen(specs: &[&str], listeners: usize) -> Self {
        let mut command = hullo();
        command.args(specs.iter().flat_map(|spec| ["--listen", spec]));
        Self::start(command, listeners)
    }

    fn end(mut self) {
        kill(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGTERM,
        )
        .unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }

    fn port(&self, listener: usize) -> u16 {
        let (_, port) = self.names[listener].rsplit_once(':').unwrap();
        port.parse().unwrap()
    }
}

impl Drop for Hullo {
    fn drop(&mut self) {
        // It has ended already, unless a test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tcp(host: &str, port: u16) -> TcpStream {
    TcpStream::connect((host, port)).unwrap()
}

#[track_caller]
fn is_greeted(mut stream: impl Read + Write) {
    let request = b"GET /here HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("requested: /here\n"), "{answer:?}");
}

fn has_ipv6() -> bool {
    UdpSocket::bind("[::1]:0").is_ok()
}

#[test]
fn every_form_of_an_address_is_listened_on() {
    let ipv6 = usize::from(has_ipv6());
    let hullo = Hullo::listen(&["0", ":0"], 2);
    for listener in 0..2 {
        is_greeted(tcp("127.0.0.1", hullo.port(listener)));
        is_greeted(tcp("127.0.0.2", hullo.port(listener)));
        if ipv6 == 1 {
            is_greeted(tcp("::1", hullo.port(listener)));
        }
    }
    hullo.end();

    let hullo = Hullo::listen(&["localhost:0", "127.0.0.1:0"], 2 + ipv6);
    is_greeted(tcp("127.0.0.1", hullo.port(0)));
    is_greeted(tcp("127.0.0.1", hullo.port(1 + ipv6)));
    assert!(TcpStream::connect(("127.0.0.2", hullo.port(0))).is_err());
    if ipv6 == 1 {
        assert_eq!(hullo.port(0), hullo.port(1));
        is_greeted(tcp("::1", hullo.port(0)));
    }
    hullo.end();

    if ipv6 == 1 {
        let hullo = Hullo::listen(&["[::1]:0", "[::]:0"], 2);
        is_greeted(tcp("::1", hullo.port(0)));
        assert!(TcpStream::connect(("127.0.0.1", hullo.port(0))).is_err());
        is_greeted(tcp("::1", hullo.port(1)));
        is_greeted(tcp("127.0.0.1", hullo.port(1)));
        hullo.end();
    }
}

#[test]
fn a_unix_socket_has_its_mode_and_owner_and_is_removed_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
    let spec = format!("unix:{},mode=620,owner={user}:{group}", path.display());
    // It is left behind by a server that was killed.
    drop(UnixListener::bind(&path).unwrap());
    let hullo = Hullo::listen(&[&spec], 1);
    assert_eq!(hullo.names, [format!("unix:{}", path.display())]);
    is_greeted(UnixStream::connect(&path).unwrap());
    let file = fs::metadata(&path).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o620);
    assert_eq!((file.uid(), file.gid()), (user.as_raw(), group.as_raw()));
    hullo.end();
    assert!(!path.exists());
}

/// Runs it until it fails, and returns its code and the last line of standard error.
#[track_caller]
fn failure(specs: &[&str]) -> (i32, String) {
    let mut command = hullo();
    command.args(specs);
    let Output { status, stderr, .. } = command.output().unwrap();
    let text = String::from_utf8(stderr).unwrap();
    (status.code().unwrap(), text)
}

#[test]
fn what_cannot_be_listened_on_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("--listen=unix:{}", folder.path().join(name).display());
    fs::write(folder.path().join("file"), "text").unwrap();
    let _other = UnixListener::bind(folder.path().join("taken")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("--listen={}", taken.local_addr().unwrap());
    for (specs, code, part) in [
        (
            &[taken.as_str()][..],
            1,
            " is taken: find its owner with ss",
        ),
        (
            &[&taken],
            1,
            "or use a free port with --listen 127.0.0.1:0\n",
        ),
        (
            &["--port=0", &taken.replace("--listen", "--admin")],
            1,
            "or use a free port with --admin 127.0.0.1:0\n",
        ),
        (
            &["--port=0", "--admin=192.0.2.1:80"],
            1,
            "or use --admin 127.0.0.1:80\n",
        ),
        (
            &["--listen=192.0.2.1:80"],
            1,
            "192.0.2.1 is not an address of this machine",
        ),
        (&[&at("file")], 1, "is not a socket, and is left as it is"),
        (&[&at("taken")], 1, "a server listens at "),
        (&[&at("no/socket")], 1, "is missing: make it with mkdir -p"),
        (&["--listen=a:80"], 2, "a is not an IP address or localhost"),
        (
            &["--listen=80", "--port=80"],
            2,
            "--listen takes the place of --port",
        ),
        (&["--listen=80", "--listen=[::]:80"], 2, "leave one out"),
    ] {
        let (seen, text) = failure(specs);
        assert_eq!(seen, code, "{specs:?}: {text}");
        assert!(text.contains(part), "{specs:?}: {text}");
    }
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"text");
}

/// Starts it with sockets as systemd hands them on: from descriptor 3.
fn with_sockets(sockets: Vec<OwnedFd>, flags: &str) -> Command {
    let count = sockets.len();
    // LISTEN_PID is known after the fork only.
    let script = format!(
        "LISTEN_PID=$$ exec {} serve --workers 2 {flags}",
        env!("CARGO_BIN_EXE_hullo")
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    command.env("LISTEN_FDS", count.to_string());
    command.env("LISTEN_FDNAMES", "web:local");
    let mappings = (3..).zip(sockets).map(|(child_fd, parent_fd)| FdMapping {
        parent_fd,
        child_fd,
    });
    command.fd_mappings(mappings.collect()).unwrap();
    command
}

/// Two that listen: TCP and Unix.
fn sockets(path: &Path) -> (Vec<OwnedFd>, u16) {
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = web.local_addr().unwrap().port();
    let local = UnixListener::bind(path).unwrap();
    (vec![web.into(), local.into()], port)
}

#[test]
fn sockets_of_a_supervisor_are_listened_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let (given, port) = sockets(&path);
    let kept: Vec<OwnedFd> = given.iter().map(|one| one.try_clone().unwrap()).collect();
    let hullo = Hullo::start(with_sockets(given, ""), 2);
    assert_eq!(hullo.names[0], format!("http://127.0.0.1:{port}"));
    assert_eq!(hullo.names[1], format!("unix:{}", path.display()));
    is_greeted(tcp("127.0.0.1", port));
    is_greeted(UnixStream::connect(&path).unwrap());
    hullo.end();
    // The file and the sockets are the supervisor's. What connects now is answered by the next server.
    let mut early = tcp("127.0.0.1", port);
    let request = b"GET /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    early.write_all(request).unwrap();
    let hullo = Hullo::start(with_sockets(kept, "--listen 127.0.0.1:0"), 3);
    let mut answer = String::new();
    early.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("requested: /early\n"), "{answer:?}");
    is_greeted(UnixStream::connect(&path).unwrap());
    is_greeted(tcp("127.0.0.1", hullo.port(2)));
    hullo.end();
    assert!(path.exists());
}

#[test]
fn what_is_not_a_listening_socket_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("file")).unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    for wrong in [file.into(), datagrams.into(), connected.into()] {
        let output = with_sockets(vec![wrong], "").output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        let part = "descriptor 3 of LISTEN_FDS (\"web\") is not a TCP or Unix stream socket";
        assert!(text.contains(part), "{text}");
    }
}

/// Those of another process are not ours.
#[test]
fn sockets_for_another_process_are_left_alone() {
    let mut command = hullo();
    command.env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    command.args(["--listen", "127.0.0.1:0"]);
    let hullo = Hullo::start(command, 1);
    is_greeted(tcp("127.0.0.1", hullo.port(0)));
    hullo.end();
}
