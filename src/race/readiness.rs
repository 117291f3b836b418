//! Whether a server answers yet, in the protocol in which it will be asked.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::connection::{Connection, Endpoint, Got, Unconnected, failure, is_later};
use crate::tls::{Cause, Client, ClientOptions, Failure, Trust};

/// For each part of it.
const WAIT: Duration = Duration::from_secs(2);

/// Of an answer: up to its status.
const STATUS_END: usize = "HTTP/1.1 400".len();

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unready {
    /// It may be starting.
    Yet(String),
    /// It speaks TLS, and may have no certificate yet.
    Refused(String),
    /// To wait does not help.
    Ever(String),
}

/// Waits for an answer that begins like HTTP. Returns the version of TLS and the cipher suite, if it is over TLS.
pub(super) fn first_answer(
    endpoint: &Endpoint,
    host: &str,
    path: &str,
) -> Result<Option<String>, Unready> {
    let mut connection = endpoint.connect(WAIT).map_err(unconnected)?;
    let start = start_of_answer(&mut connection, host, path);
    let protocol = connection.protocol();
    drop(connection);
    let is_http = |start: &[u8]| start.starts_with(b"HTTP/");
    // What servers with TLS do when they are asked without: they answer 400, send an alert, or close.
    let is_refused = |start: &[u8]| start.ends_with(b" 400");
    let has_ended = |error: &io::Error| !is_later(error);
    let is_odd = match &start {
        Ok(start) => !is_http(start) || is_refused(start),
        Err(error) => has_ended(error),
    };
    if is_odd && endpoint.tls.is_none() && speaks_tls(endpoint) {
        return Err(Unready::Ever(
            "it speaks TLS, but was asked in plain HTTP: write https:// in its URL, or add --https if a command starts it"
                .to_owned(),
        ));
    }
    match start {
        Ok(start) if is_http(&start) => Ok(protocol),
        Ok(_) => Err(Unready::Yet("not an HTTP answer".to_owned())),
        Err(error) => match failure(&error) {
            Some(failure) => Err(failed(failure)),
            None => Err(Unready::Yet(error.to_string())),
        },
    }
}

fn unconnected(error: Unconnected) -> Unready {
    match error {
        Unconnected::Socket(error) => Unready::Yet(error.to_string()),
        Unconnected::Late => Unready::Yet("no answer to the TLS handshake in time".to_owned()),
        Unconnected::Tls(failure) => failed(&failure),
    }
}

/// Its first bytes, or fewer if that is all.
fn start_of_answer(connection: &mut Connection, host: &str, path: &str) -> io::Result<Vec<u8>> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut left = request.as_bytes();
    connection.socket().set_write_timeout(Some(WAIT))?;
    while !left.is_empty() || !connection.is_flushed() {
        let taken = connection.write(left)?;
        left = left.get(taken..).unwrap_or_default();
    }
    let (start, mut came) = (Instant::now(), Vec::new());
    while came.len() < STATUS_END {
        let wait = WAIT.saturating_sub(start.elapsed());
        let wait = wait.max(Duration::from_micros(1));
        connection.socket().set_read_timeout(Some(wait))?;
        match connection.read(&mut came)? {
            Got::End if came.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            Got::End => break,
            Got::Bytes => {}
            Got::Nothing if start.elapsed() < WAIT => {}
            Got::Nothing => return Err(ErrorKind::TimedOut.into()),
        }
    }
    came.truncate(STATUS_END);
    Ok(came)
}

fn failed(failure: &Failure) -> Unready {
    let cause = failure.cause;
    let sentence = format!("TLS: {}: {failure}", cause.sentence());
    match cause {
        Cause::NotTls => Unready::Ever(
            "it does not speak TLS: write http:// in its URL, or leave it out of --https if a command starts it"
                .to_owned(),
        ),
        Cause::Untrusted
        | Cause::OtherName
        | Cause::Expired
        | Cause::NotYetValid
        | Cause::Certificate
        | Cause::NoHttp1
        | Cause::Incompatible => Unready::Ever(sentence),
        Cause::Ended | Cause::Broken => Unready::Yet(sentence),
        Cause::AlertCertificateRequired | Cause::AlertClientCertificate => {
            Unready::Refused(sentence)
        }
        // What a server sends for an address if its certificates are for names.
        _ => Unready::Refused(format!(
            "{sentence}; if its certificate is for a name, choose it with --host"
        )),
    }
}

/// Whether a handshake succeeds, or fails in a way in which only TLS does.
fn speaks_tls(endpoint: &Endpoint) -> bool {
    let client = any_certificate(&endpoint.address.ip().to_string());
    let Ok(tls) = client.map(Some) else {
        return false;
    };
    let secure = Endpoint {
        address: endpoint.address,
        tls,
    };
    match secure.connect(WAIT) {
        Ok(_) => true,
        Err(Unconnected::Tls(failure)) => {
            !matches!(failure.cause, Cause::NotTls | Cause::Ended | Cause::Broken)
        }
        Err(Unconnected::Socket(_) | Unconnected::Late) => false,
    }
}

/// A client that only has to know whether there is an answer.
pub(super) fn any_certificate(name: &str) -> Result<Client, String> {
    Client::new(&ClientOptions {
        name: name.to_owned(),
        trust: Trust::Anything,
        identity: None,
        resumption: false,
    })
}
