#![forbid(unsafe_code)]
//! **hullo** is an HTTP/1.1 server on raw sockets that greets every path. It is built to be as fast
//! as the kernel allows, and right to the letter of RFC 9110 and RFC 9112.
//!
//! This library is the engine without the greeting's command line: an embedder brings a
//! [`Handler`](http::Handler) of their own.
//!
//! ```
//! use hullo::http::{Responded, ResponseWriter, Request, Handler, Status};
//! use hullo::server::{Options, Server};
//!
//! #[derive(Clone)]
//! struct Clerk;
//!
//! impl Handler for Clerk {
//!     fn handle(&self, request: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
//!         match request.path() {
//!             b"/" => reply.text(&[b"What can I do for you?\n"]),
//!             _ => reply.send(Status::NotFound, &[("Content-Type", "text/plain")], &[b"No.\n"]),
//!         }
//!     }
//! }
//!
//! let server = Server::bind(Options { address: ([127, 0, 0, 1], 0).into(), ..Options::default() })?;
//! let running = server.start(Clerk)?;
//! // ... peers talk to running.local_addr() ...
//! # use std::io::{Read as _, Write as _};
//! # let mut peer = std::net::TcpStream::connect(running.local_addr())?;
//! # peer.write_all(b"GET /lost HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
//! # let mut answer = String::new();
//! # peer.read_to_string(&mut answer)?;
//! # assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
//! # assert!(answer.ends_with("\r\n\r\nNo.\n"), "{answer}");
//! running.stop()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # The map
//!
//! A core that has no sockets, in a shell that has no HTTP:
//!
//! | module | what it is |
//! |---|---|
//! | [`http`] | the core: bytes in, bytes out. What is answered is decided here |
//! | `net` | the shell: event loops over mio, one per worker, which share nothing |
//! | [`server`] | workers on one address, from the first connection to the last |
//! | [`Greeting`] | the handler of the `hullo` command |
//!
//! The way of a request: the kernel wakes a worker; it reads into its one input block; the session
//! of that connection finds where the head ends, reads it, and appends the reply to the worker's
//! one output block; the worker writes that block once, however many requests it answers. Nothing
//! is copied on that way, nothing allocated, locked or formatted. Only what a turn leaves over
//! outlives it, in [blocks](http::Blocks) of the worker: half a head, or a reply that the peer does
//! not take.
//!
//! # What it is not
//!
//! There is no router, no TLS, no HTTP/2, no compression, and the content of a request is read to
//! its end but thrown away. The event loop is for Unix; it is developed and measured on Linux.

#[cfg(feature = "cli")]
mod bench;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
#[cfg(feature = "cli")]
mod markdown;
mod net;
#[cfg(feature = "cli")]
mod race;
mod serve;
pub mod server;
#[cfg(feature = "cli")]
mod signals;
#[cfg(any(test, feature = "simulation"))]
#[doc(hidden)]
pub mod simulation;
#[cfg(feature = "cli")]
mod terminal;
#[cfg(feature = "cli")]
mod units;

pub use serve::Greeting;
