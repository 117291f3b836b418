//! `hullo check`: one request, for the health check of a container or a supervisor, where no curl is.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::bench::Url;
use crate::http::client::{Head, Memo, Reader, Response, Sink};
use crate::serve;
use crate::terminal::{note, print};
use crate::units;

const URL_HELP: &str = "\
URL to request: http://host[:port]/path, or unix:/socket[:/path] [default: where hullo listens with the same \
environment, by HULLO_LISTEN, or HULLO_HOST and HULLO_PORT or PORT]";

/// Arguments of `hullo check`.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes:
  0  the response has a 2xx status
  1  it has another status, or there is none in time
  2  wrong arguments

Examples:
  hullo check
  hullo check http://127.0.0.1:9090/readyz
  hullo check unix:/run/hullo.sock:/any/path")]
pub(crate) struct CheckOptions {
    #[arg(help = URL_HELP)]
    url: Option<String>,

    /// Time for the whole check
    #[arg(short, long, value_name = "TIME", default_value = "2s", value_parser = units::nanos)]
    timeout: u64,
}

/// Sends a request, and returns the exit code.
#[must_use]
pub(crate) fn check(options: &CheckOptions) -> ExitCode {
    let url = match &options.url {
        Some(url) => Ok(url.clone()),
        None => serve::own_url(),
    };
    let target = url.and_then(|url| Ok((Target::parse(&url)?, url)));
    let (target, url) = match target {
        Ok(target) => target,
        Err(sentence) => {
            note("hullo check", sentence);
            return ExitCode::from(2);
        }
    };
    let timeout = Duration::from_nanos(options.timeout);
    match target.status(Instant::now() + timeout) {
        Ok(status @ 200..300) => {
            // What reads it may have closed it: the exit code says the same.
            let _ = print(&format!("{url}: {status}\n"));
            ExitCode::SUCCESS
        }
        Ok(status) => {
            note("hullo check", format!("{url}: status {status}, not 2xx"));
            ExitCode::FAILURE
        }
        Err(Miss::Late) => {
            let time = units::show_nanos(options.timeout);
            note("hullo check", format!("{url}: no response within {time}"));
            ExitCode::FAILURE
        }
        Err(Miss::Failed(sentence)) => {
            note("hullo check", format!("{url}: {sentence}"));
            ExitCode::FAILURE
        }
    }
}

/// What is asked, and where.
struct Target {
    place: Place,
    /// Of the `Host` field.
    authority: String,
    path: String,
}

enum Place {
    Http(Url),
    Unix(String),
}

/// Why there is no response.
enum Miss {
    Late,
    Failed(String),
}

impl Target {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("unix:") {
            let (socket, path) = match rest.find(":/") {
                Some(colon) => (&rest[..colon], &rest[colon + 1..]),
                None => (rest, "/"),
            };
            if socket.is_empty() {
                return Err("the path of the socket is missing: write unix:/run/hullo.sock".into());
            }
            // Its grammar is that of any URL.
            let path = Url::parse(&format!("http://localhost{path}"))?.path;
            return Ok(Self {
                place: Place::Unix(socket.to_owned()),
                authority: "localhost".to_owned(),
                path,
            });
        }
        let is_https = |scheme: &str| scheme.eq_ignore_ascii_case("https:");
        if text.get(..6).is_some_and(is_https) {
            return Err(
                "hullo check has no TLS: check the http:// URL behind the TLS proxy".into(),
            );
        }
        let (_, authority) = text.split_once("://").unwrap_or_default();
        let authority = authority.split(['/', '?', '#']).next();
        if authority.is_some_and(|it| it.contains('@')) {
            return Err("a URL must not contain credentials: hullo check sends none".into());
        }
        let url = Url::parse(text)?;
        Ok(Self {
            authority: url.authority.clone(),
            path: url.path.clone(),
            place: Place::Http(url),
        })
    }

    /// The status of the response.
    fn status(&self, deadline: Instant) -> Result<u16, Miss> {
        let socket = self.connect(deadline)?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: hullo-check\r\nConnection: close\r\n\r\n",
            self.path, self.authority
        );
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Miss::Late,
            _ => Miss::Failed(error.to_string()),
        };
        let limit = |socket: &Socket| {
            let left = Some(left_until(deadline)?);
            let limited = socket
                .set_read_timeout(left)
                .and_then(|()| socket.set_write_timeout(left));
            limited.map_err(failed)
        };
        limit(&socket)?;
        (&socket).write_all(request.as_bytes()).map_err(failed)?;
        let (mut reader, mut memo) = (Reader::default(), Memo::default());
        let (mut held, mut block) = (Vec::new(), vec![0; 16 * 1024]);
        loop {
            limit(&socket)?;
            let read = match (&socket).read(&mut block) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.map_err(failed)?,
            };
            if read == 0 {
                let end = reader.end(held.len());
                let end =
                    end.map_err(|_| "the connection ended before the response did".to_owned());
                return end.map(|it| it.status).map_err(Miss::Failed);
            }
            held.extend_from_slice(&block[..read]);
            let response = next_response(&mut reader, &mut held, &mut memo)?;
            if let Some(response) = response {
                return Ok(response.status);
            }
        }
    }

    fn connect(&self, deadline: Instant) -> Result<Socket, Miss> {
        let url = match &self.place {
            Place::Http(url) => url,
            Place::Unix(path) => {
                let address = SockAddr::unix(path);
                let address = address.map_err(|error| Miss::Failed(error.to_string()))?;
                return connect(Domain::UNIX, &address, deadline);
            }
        };
        let mut last = Miss::Late;
        for address in addresses(url, deadline)? {
            match connect(Domain::for_address(address), &address.into(), deadline) {
                Ok(socket) => return Ok(socket),
                Err(miss) => last = miss,
            }
        }
        Err(last)
    }
}

/// Looks the host up. That has no time limit of its own, so a thread of its own waits for it.
fn addresses(url: &Url, deadline: Instant) -> Result<Vec<SocketAddr>, Miss> {
    let (sender, found) = mpsc::channel();
    let url = url.clone();
    let look_up = move || drop(sender.send(url.resolve()));
    let thread = thread::Builder::new().spawn(look_up);
    thread.map_err(|error| Miss::Failed(format!("cannot start a thread: {error}")))?;
    let found = found.recv_timeout(left_until(deadline)?);
    let (addresses, _) = found.map_err(|_| Miss::Late)?.map_err(Miss::Failed)?;
    Ok(addresses)
}

fn left_until(deadline: Instant) -> Result<Duration, Miss> {
    let left = deadline.saturating_duration_since(Instant::now());
    // Zero would mean to wait without end.
    if left.is_zero() {
        return Err(Miss::Late);
    }
    Ok(left)
}

fn connect(domain: Domain, address: &SockAddr, deadline: Instant) -> Result<Socket, Miss> {
    let left = left_until(deadline)?;
    let connected = Socket::new(domain, Type::STREAM, None).and_then(|socket| {
        if domain == Domain::UNIX {
            // Where the queue of the listener is full, this waits as a write does.
            socket.set_write_timeout(Some(left))?;
            socket.connect(address)?;
        } else {
            socket.connect_timeout(address, left)?;
        }
        Ok(socket)
    });
    connected.map_err(|error| match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Miss::Late,
        _ => Miss::Failed(format!("cannot connect: {error}")),
    })
}

/// Reads on in what came.
fn next_response(
    reader: &mut Reader,
    held: &mut Vec<u8>,
    memo: &mut Memo,
) -> Result<Option<Response>, Miss> {
    let read = reader.read(held, false, memo, &mut Discard);
    let read = read.map_err(|error| Miss::Failed(format!("bad response: {}", error.sentence())))?;
    held.drain(..read.consumed);
    Ok(read.response)
}

/// Only the status is asked for.
struct Discard;

impl Sink for Discard {
    fn head(&mut self, _: &Head, _: &[u8]) {}

    fn content(&mut self, _: &[u8]) {}
}
