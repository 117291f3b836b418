#![forbid(unsafe_code)]
//! **hullo** is a fast, strict HTTP/1.1 server (RFC 9110, RFC 9112).
//!
//! This library is its engine, for use with a [`Handler`] of your own. The `hullo` command adds a greeting
//! ([`Greeting`]), a load generator and a side-by-side load test; `default-features = false` leaves them out.
//!
//! ```no_run
//! use hullo::http::handler_fn;
//! use hullo::server::{Options, Server};
//!
//! let hello = handler_fn(|_, response| response.text(&[b"Hello!\n"]));
//! let server = Server::bind(Options::default().address(([127, 0, 0, 1], 8080).into()))?;
//! server.start(hello)?.wait()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! This page leads from a handler to its limits. The folder `examples` has a program for each step.
//!
//! # A handler
//!
//! A [`Handler`] gets a [`Request`](http::Request) and a [`ResponseWriter`](http::ResponseWriter), which it
//! has to use exactly once: each of its methods ends in a [`Responded`](http::Responded), and nothing else
//! makes one. A closure is a handler; so is a type of yours, if it has more to decide.
//!
//! # Fields and statuses
//!
//! [`Status`](http::Status) has a constant for every registered status. A [`Field`](http::Field) of a
//! response is checked when it is made, so that a value from a peer cannot break the head.
//!
//! ```
//! use hullo::http::{Field, Handler, Request, Responded, ResponseWriter, Status};
//! use hullo::server::{Options, Server};
//!
//! const PLAIN: Field<'static> = Field::from_static("Content-Type", "text/plain");
//!
//! #[derive(Clone)]
//! struct Hello;
//!
//! impl Handler for Hello {
//!     fn handle(&self, request: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
//!         match request.path() {
//!             b"/" => response.text(&[b"Hello, world!\n"]),
//!             _ => response.send(Status::NOT_FOUND, &[PLAIN], &[b"Not found.\n"]),
//!         }
//!     }
//! }
//!
//! let server = Server::bind(Options::default().address(([127, 0, 0, 1], 0).into()))?;
//! let running = server.start(Hello)?;
//! // Clients connect to running.local_addr().
//! # use std::io::{Read as _, Write as _};
//! # let mut peer = std::net::TcpStream::connect(running.local_addr())?;
//! # peer.write_all(b"GET /lost HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
//! # let mut answer = String::new();
//! # peer.read_to_string(&mut answer)?;
//! # assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
//! # assert!(answer.ends_with("\r\n\r\nNot found.\n"), "{answer}");
//! running.stop()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A [`Response`](http::Response) is a response as a value, which owns its bytes:
//! [`ResponseWriter::respond`](http::ResponseWriter::respond) writes it.
//!
//! ```
//! use hullo::http::{FieldError, Response, Status};
//!
//! fn log_in(session: &str) -> Result<Response, FieldError> {
//!     Response::new(Status::SEE_OTHER)
//!         .field("Location", "/")?
//!         .field("Set-Cookie", format!("session={session}; HttpOnly"))
//! }
//! assert!(log_in("7f3a").is_ok());
//! assert_eq!(log_in("7\r\nX: y").err(), Some(FieldError::Value));
//! ```
//!
//! # The content of a request
//!
//! It is discarded, unless [`Handler::content`](http::Handler::content) wants it otherwise:
//! [`Collect`](http::Content::Collect) keeps it until it is whole, [`Read`](http::Content::Read) takes it
//! piece by piece, [`Exchange`](http::Content::Exchange) responds meanwhile, and
//! [`Refuse`](http::Content::Refuse) does not read it. A request without content goes to
//! [`handle`](http::Handler::handle) at once. For a handler that always collects there is
//! [`collect`](http::collect):
//!
//! ```
//! use hullo::http::{collect, handler_fn};
//!
//! // More than 64 KiB: 413 (Content Too Large).
//! let echo = collect(64 << 10, handler_fn(|request, response| response.text(&[request.content()])));
//! ```
//!
//! In each case [`Limits::body_bytes`](http::Limits::body_bytes) bounds the content: raise it for more than
//! 1 MiB.
//!
//! # Streams
//!
//! A [`Source`](http::Source) produces the content of a response when the peer takes it; a closure is one.
//! [`Response::stream`](http::Response::stream) sends it in chunks,
//! [`stream_sized`](http::Response::stream_sized) with a length. At most 64 KiB of it are in memory for each
//! peer.
//!
//! ```
//! use std::fs::File;
//! use std::io;
//! use hullo::http::{Piece, Produced, Response, Status};
//!
//! fn download(path: &str) -> io::Result<Response> {
//!     let mut file = File::open(path)?;
//!     let length = file.metadata()?.len();
//!     let source = move |piece: &mut Piece<'_>| match piece.read_from(&mut file) {
//!         Ok(0) => Produced::End,
//!         Ok(_) => Produced::More,
//!         Err(_) => Produced::Failed,
//!     };
//!     Ok(Response::new(Status::OK).stream_sized(length, source))
//! }
//! # assert!(download("Cargo.toml").is_ok());
//! ```
//!
//! A source that has nothing to send [waits](http::Produced::Wait) until another thread calls a
//! [`Waker`](http::Waker): `examples/events.rs` sends events so.
//!
//! # Later answers
//!
//! A handler runs on an event loop, and while it works, the other connections of its worker wait. What takes
//! long goes to another thread, with a [`Completion`](http::Completion):
//!
//! ```
//! use std::thread;
//! use hullo::http::{Response, handler_fn};
//!
//! let slow = handler_fn(|_, response| {
//!     let (completion, responded) = response.later();
//!     thread::spawn(move || {
//!         let result = (1..1_000_000_u64).sum::<u64>();
//!         completion.respond(Response::text(format!("{result}\n")));
//!     });
//!     responded
//! });
//! ```
//!
//! `examples/later.rs` does it with a pool of threads and a bound.
//! [`respond_after`](http::ResponseWriter::respond_after) sends a response after a delay.
//!
//! # Preconditions
//!
//! A client that sends the [`ETag`](http::ETag) that it knows is told whether it is still the current one:
//!
//! ```
//! use hullo::http::{ETag, Precondition, Status, handler_fn};
//!
//! let page = handler_fn(|request, response| {
//!     let content = b"Hello!\n";
//!     let etag = ETag::of_content(content);
//!     match request.preconditions(Some(&etag)) {
//!         Precondition::Proceed => response.send(Status::OK, &[etag.field()], &[content]),
//!         Precondition::NotModified => response.not_modified(&etag),
//!         Precondition::Failed => response.send(Status::PRECONDITION_FAILED, &[], &[]),
//!     }
//! });
//! ```
//!
//! # Options
//!
//! [`Options`](server::Options) has the address and the number of workers, [`Limits`](http::Limits) of what a
//! request may take, [`Timeouts`](server::Timeouts), and how many connections and how much memory there may
//! be. [`Server::bind`](server::Server::bind) refuses a value that is out of its range. For many connections,
//! call [`raise_open_file_limit`](server::raise_open_file_limit) first.
//!
//! # Listeners
//!
//! [`listen`](server::Server::listen) and [`listen_unix`](server::Server::listen_unix) add an address or a
//! Unix socket; [`listener`](server::Server::listener) takes a socket that is there already.
//! [`start_with`](server::Server::start_with) makes a handler for each listener of each worker, and
//! [`local_addrs`](server::Server::local_addrs) tells where each listens.
//!
//! # Shutdown
//!
//! [`ServerHandle::drain`](server::ServerHandle::drain) ends a server when it has answered what it was asked;
//! [`stop`](server::ServerHandle::stop) and a drop end it at once. A
//! [`ShutdownHandle`](server::ShutdownHandle) does the same from another thread, for a signal perhaps.
//!
//! # Stats, health and hooks
//!
//! [`ServerHandle::stats`](server::ServerHandle::stats) has what each worker has counted, and
//! [`StatsHandle`](server::StatsHandle) reads it from another thread. How long workers are busy and responses take is
//! known with [`measure_times`](server::Server::measure_times). A [`HealthHandle`](server::HealthHandle) tells whether
//! the server is ready for new connections, and whether its event loops move.
//! [`on_connection`](server::Server::on_connection) tells when a connection is opened or closed, and why;
//! [`on_notice`](server::Server::on_notice) what an operator should know.
//!
//! # An access log
//!
//! [`observed`](http::observed) tells a closure of each request and what became of it, also of those that the
//! engine has refused. It runs on the event loop, so it hands the line to another thread, or drops it:
//!
//! ```
//! use std::io::{self, Write};
//! use std::sync::mpsc::sync_channel;
//! use std::thread;
//! use hullo::http::{Exchange, handler_fn, observed};
//!
//! let (lines, queue) = sync_channel::<String>(1024);
//! thread::spawn(move || -> io::Result<()> {
//!     // It ends when the output cannot be written to; lines are dropped then.
//!     queue.iter().try_for_each(|line| writeln!(io::stdout(), "{line}"))
//! });
//! let hello = handler_fn(|_, response| response.text(&[b"Hello!\n"]));
//! let logged = observed(hello, move |exchange: &Exchange<'_>| {
//!     let line = exchange.request_line.escape_ascii();
//!     let status = exchange.status.map_or(0, |status| status.code());
//!     let _ = lines.try_send(format!("{line} {status} {}", exchange.content_bytes));
//! });
//! # let _ = logged;
//! ```
//!
//! # Panics
//!
//! A handler, a reader or a source that panics ends its own connection, with 500 if the response has not
//! begun; the others go on. [`Stats::closed_panicked`](server::Stats::closed_panicked) counts it. This needs
//! panics that unwind: with `panic = "abort"` the process ends. A hook must not panic.
//!
//! # Limitations
//!
//! There is no router, TLS, HTTP/2 or compression, no upgrade to another protocol, and no trailer section is
//! passed on. The event loop needs Unix; it is developed and measured on Linux.
//!
//! # Modules
//!
//! - [`http`] is the core: bytes in, bytes out. It knows no sockets, threads or clocks, and decides what is
//!   answered. You can drive a [`Session`](http::Session) from an event loop of your own.
//! - [`server`] runs that core on event loops, one per worker, which listen on the same addresses.
//!
//! `src/README.md` has a map of the code, its terms, and the path of a request.
//!
//! [`Handler`]: http::Handler

#[cfg(feature = "cli")]
mod bench;
#[cfg(feature = "cli")]
mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
mod exposition;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
#[cfg(feature = "cli")]
mod markdown;
mod net;
mod outcome;
#[cfg(feature = "cli")]
mod race;
#[cfg(feature = "cli")]
mod random;
#[cfg(test)]
#[cfg(feature = "cli")]
mod schema_tests;
mod serve;
pub mod server;
#[cfg(feature = "cli")]
mod signals;
#[cfg(any(test, feature = "simulation"))]
#[doc(hidden)]
pub mod simulation;
mod socket_calls;
#[cfg(feature = "cli")]
mod stats;
#[cfg(feature = "cli")]
mod terminal;
#[cfg(feature = "cli")]
mod tls;
#[cfg(feature = "cli")]
mod units;

pub use serve::Greeting;
