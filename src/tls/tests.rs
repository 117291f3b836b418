//! Both ends of a connection in memory, cut at every place.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};

use super::session::Session;
use super::{Cause, Client, ClientOptions, ClientSession, Failure, RECORD_BYTES_MAX, Trust};

type ServerSession = Session<ServerConnection>;

/// An authority and a certificate of it for `localhost`.
struct Identity {
    authority: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// `years` are those in which the certificate is valid.
fn identity(years: (i32, i32)) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    Identity {
        authority,
        certificate: certificate.der().clone(),
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

const VALID: (i32, i32) = (2000, 2200);

impl Identity {
    fn server(&self, version: &'static SupportedProtocolVersion, alpn: &[u8]) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        config.alpn_protocols = vec![alpn.to_vec()];
        Arc::new(config)
    }

    fn client(&self, name: &str) -> Client {
        let client = Client::new(&ClientOptions {
            name: name.to_owned(),
            trust: Trust::Authorities(self.authority.clone().into_bytes()),
            identity: None,
            resumption: true,
        });
        client.unwrap().with_own_sessions(1)
    }
}

/// A conversation: what is on its way, and what has arrived.
struct Pair {
    client: ClientSession,
    server: ServerSession,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    at_client: Vec<u8>,
    at_server: Vec<u8>,
    client_is_ended: bool,
}

impl Pair {
    fn new(client: &Client, server: &Arc<ServerConfig>) -> Self {
        Self {
            client: client.session().unwrap(),
            server: Session::new(ServerConnection::new(Arc::clone(server)).unwrap()),
            to_server: Vec::new(),
            to_client: Vec::new(),
            at_client: Vec::new(),
            at_server: Vec::new(),
            client_is_ended: false,
        }
    }

    /// Carries bytes both ways, in pieces, until none is left.
    fn carry(&mut self, step: usize) -> Result<(), Failure> {
        let mut plain = vec![0; 64 * 1024 + RECORD_BYTES_MAX];
        loop {
            self.client.take_output(&mut self.to_server);
            self.server.take_output(&mut self.to_client);
            if self.to_server.is_empty() && self.to_client.is_empty() {
                return Ok(());
            }
            for piece in std::mem::take(&mut self.to_server).chunks(step) {
                // The client learns of the server's failures by its alerts.
                if let Ok(received) = self.server.receive(piece, &mut plain) {
                    self.at_server.extend_from_slice(&plain[..received.plain]);
                }
            }
            self.server.take_output(&mut self.to_client);
            for piece in std::mem::take(&mut self.to_client).chunks(step) {
                let received = self.client.receive(piece, &mut plain)?;
                self.at_client.extend_from_slice(&plain[..received.plain]);
                self.client_is_ended |= received.is_ended;
            }
        }
    }
}

#[test]
fn data_passes_both_ways_however_it_is_cut() {
    let identity = identity(VALID);
    let data: Vec<u8> = (0..40_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    for version in [&TLS12, &TLS13] {
        let server = identity.server(version, b"http/1.1");
        for step in [1, 2, 5, 100, 5000, 64 * 1024] {
            let mut pair = Pair::new(&identity.client("localhost"), &server);
            assert!(pair.client.is_handshaking());
            pair.carry(step).unwrap();
            assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
            pair.client.send(&data, &mut pair.to_server).unwrap();
            pair.server.send(&data[1..], &mut pair.to_client).unwrap();
            pair.carry(step).unwrap();
            assert!(pair.at_server == data && pair.at_client == data[1..]);
            assert!(!pair.client_is_ended);
            pair.server.send(b"the end", &mut pair.to_client).unwrap();
            pair.server.close(&mut pair.to_client);
            pair.carry(step).unwrap();
            assert!(pair.client_is_ended && pair.at_client.ends_with(b"the end"));
        }
    }
}

#[test]
fn sessions_are_resumed_by_the_same_client_only() {
    let identity = identity(VALID);
    for (version, name) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let server = identity.server(version, b"http/1.1");
        let client = identity.client("localhost");
        let shaken = |client: &Client| {
            let mut pair = Pair::new(client, &server);
            pair.carry(usize::MAX).unwrap();
            pair.client.handshake()
        };
        let first = shaken(&client);
        assert!(
            !first.is_resumed && first.protocol.starts_with(name),
            "{first:?}"
        );
        assert!(first.protocol.contains(" TLS_"), "{first:?}");
        assert!(shaken(&client).is_resumed && shaken(&client).is_resumed);
        assert!(!shaken(&client.with_own_sessions(1)).is_resumed);
    }
}

#[track_caller]
fn check_failure(client: &Client, server: &Arc<ServerConfig>, cause: Cause) {
    for step in [1, 64 * 1024] {
        let failure = Pair::new(client, server).carry(step).unwrap_err();
        assert_eq!(failure.cause, cause, "{failure}");
    }
}

#[test]
fn failures_have_a_cause() {
    let (good, other) = (identity(VALID), identity(VALID));
    for version in [&TLS12, &TLS13] {
        let server = good.server(version, b"http/1.1");
        check_failure(&other.client("localhost"), &server, Cause::Untrusted);
        check_failure(&good.client("example.org"), &server, Cause::OtherName);
        check_failure(&good.client("127.0.0.1"), &server, Cause::OtherName);
        for (years, cause) in [
            ((2000, 2001), Cause::Expired),
            ((2150, 2200), Cause::NotYetValid),
        ] {
            let identity = identity(years);
            let server = identity.server(version, b"http/1.1");
            check_failure(&identity.client("localhost"), &server, cause);
        }
        let http2 = good.server(version, b"h2");
        check_failure(&good.client("localhost"), &http2, Cause::NoHttp1);
    }
}

#[test]
fn what_is_not_tls_is_a_failure() {
    let identity = identity(VALID);
    for (bytes, cause) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], Cause::NotTls),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Cause::NotTls),
        (&[0; 100], Cause::NotTls),
        (b"\x15\x03\x03\0\x02\x02\x28", Cause::AlertHandshakeFailure),
        (b"\x15\x03\x03\0\x02\x02\x46", Cause::AlertProtocolVersion),
        (b"\x15\x03\x03\0\x02\x02\x0a", Cause::AlertOther),
    ] {
        for piece in [bytes.len(), 1] {
            let mut session = identity.client("localhost").session().unwrap();
            let mut pieces = bytes.chunks(piece);
            let failure = pieces.find_map(|piece| session.receive(piece, &mut []).err());
            let failure = failure.unwrap();
            assert_eq!(failure.cause, cause, "{failure}");
        }
    }
}

#[test]
fn damaged_records_are_a_failure() {
    let identity = identity(VALID);
    for version in [&TLS12, &TLS13] {
        let server = identity.server(version, b"http/1.1");
        let mut pair = Pair::new(&identity.client("localhost"), &server);
        pair.carry(usize::MAX).unwrap();
        pair.server.send(b"hello", &mut pair.to_client).unwrap();
        *pair.to_client.last_mut().unwrap() ^= 1;
        let failure = pair.carry(usize::MAX).unwrap_err();
        assert_eq!(
            (failure.cause, &pair.at_client[..]),
            (Cause::Broken, &b""[..])
        );
    }
}

#[test]
fn names_that_cannot_be_in_a_certificate_are_refused() {
    for name in ["", "a b", "-"] {
        let client = Client::new(&ClientOptions {
            name: name.to_owned(),
            trust: Trust::Anything,
            identity: None,
            resumption: false,
        });
        assert!(client.unwrap_err().contains("not a name"), "{name:?}");
    }
}
