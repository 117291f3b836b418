//! A small proxy that speaks TLS to clients, and plain HTTP to a server behind it. In tests only.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection};

/// What it says when the server behind it has closed the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    CloseNotify,
    Nothing,
}

/// Starts it on a free port, with a certificate of its own for `localhost`. It ends with the tests.
pub(crate) fn secure(server: SocketAddr, end: End) -> SocketAddr {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = own.cert.der().clone();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let Ok(server) = TcpStream::connect(server) else {
                continue;
            };
            thread::spawn(move || Carried::new(client, server, tls, end).carry());
        }
    });
    address
}

struct Carried {
    client: TcpStream,
    server: TcpStream,
    tls: ServerConnection,
    end: End,
    to_server: Vec<u8>,
    client_has_ended: bool,
    server_has_ended: bool,
    is_shut: bool,
}

/// What became of a call on a socket.
enum Call {
    Moved(usize),
    Later,
    Lost,
}

fn call(done: std::io::Result<usize>) -> Call {
    match done {
        Ok(count) => Call::Moved(count),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Call::Later,
        Err(_) => Call::Lost,
    }
}

impl Carried {
    fn new(client: TcpStream, server: TcpStream, tls: ServerConnection, end: End) -> Self {
        for socket in [&client, &server] {
            socket.set_nodelay(true).unwrap();
            socket.set_nonblocking(true).unwrap();
        }
        Self {
            client,
            server,
            tls,
            end,
            to_server: Vec::new(),
            client_has_ended: false,
            server_has_ended: false,
            is_shut: false,
        }
    }

    /// Both ways, until both have ended or one is lost.
    fn carry(mut self) {
        while !(self.client_has_ended && self.server_has_ended) {
            let Some(came) = self.take_from_client() else {
                return;
            };
            let Some(went) = self.take_from_server() else {
                return;
            };
            if !came && !went {
                thread::sleep(Duration::from_micros(500));
            }
        }
    }

    /// Whether something moved; none if one side is lost.
    fn take_from_client(&mut self) -> Option<bool> {
        let mut has_moved = false;
        if !self.client_has_ended && self.to_server.is_empty() {
            let ended = match call(self.tls.read_tls(&mut self.client)) {
                Call::Moved(0) => true,
                Call::Moved(_) => {
                    has_moved = true;
                    let state = self.tls.process_new_packets();
                    if state.is_err() {
                        // The client learns why.
                        let _ = self.tls.write_tls(&mut self.client);
                    }
                    let state = state.ok()?;
                    self.to_server.resize(state.plaintext_bytes_to_read(), 0);
                    self.tls.reader().read_exact(&mut self.to_server).unwrap();
                    state.peer_has_closed()
                }
                Call::Later => false,
                Call::Lost => return None,
            };
            self.client_has_ended |= ended;
        }
        if !self.to_server.is_empty() {
            match call(self.server.write(&self.to_server)) {
                Call::Moved(count) => drop(self.to_server.drain(..count)),
                Call::Later => {}
                Call::Lost => self.to_server.clear(),
            }
        }
        if self.client_has_ended && self.to_server.is_empty() {
            let _ = self.server.shutdown(Shutdown::Write);
        }
        Some(has_moved)
    }

    fn take_from_server(&mut self) -> Option<bool> {
        let mut has_moved = false;
        let mut block = [0; 16 * 1024];
        if !self.server_has_ended && !self.tls.wants_write() {
            match call(self.server.read(&mut block)) {
                Call::Moved(0) => {
                    self.server_has_ended = true;
                    if self.end == End::CloseNotify {
                        self.tls.send_close_notify();
                    }
                }
                Call::Moved(count) => {
                    has_moved = true;
                    self.tls.writer().write_all(&block[..count]).unwrap();
                }
                Call::Later => {}
                Call::Lost => {
                    let client = socket2::SockRef::from(&self.client);
                    client.set_linger(Some(Duration::ZERO)).unwrap();
                    return None;
                }
            }
        }
        while self.tls.wants_write() {
            match call(self.tls.write_tls(&mut self.client)) {
                Call::Moved(_) => has_moved = true,
                Call::Later => return Some(has_moved),
                Call::Lost => return None,
            }
        }
        if self.server_has_ended && !self.is_shut {
            self.is_shut = true;
            let _ = self.client.shutdown(Shutdown::Write);
        }
        Some(has_moved)
    }
}
