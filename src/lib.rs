#![forbid(unsafe_code)]
//! **hullo** is a fast, strict HTTP/1.1 server (RFC 9110, RFC 9112).
//!
//! This library is its engine, for use with a [`Handler`](http::Handler) of your own. The `hullo` command
//! adds a greeting ([`Greeting`]), a load generator and a side-by-side load test.
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
//! let server = Server::bind(Options { address: ([127, 0, 0, 1], 0).into(), ..Options::default() })?;
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
//! # Modules
//!
//! - [`http`] is the core: bytes in, bytes out. It knows no sockets, threads or clocks, and decides what
//!   is answered. You can drive a [`Session`](http::Session) from an event loop of your own.
//! - [`server`] runs that core on event loops, one per worker, which listen on the same addresses: TCP or
//!   Unix sockets. [`drain`](server::ServerHandle::drain) ends a server when it has answered what it was
//!   asked; [`stop`](server::ServerHandle::stop) and a drop end it at once.
//!
//! A [`Handler`](http::Handler) answers requests. OPTIONS, TRACE and unknown methods are its policy too
//! ([`Handler::handle_other`](http::Handler::handle_other)); CONNECT is always refused.
//!
//! `src/README.md` has a map of the code, its terms, and the path of a request.
//!
//! # Limitations
//!
//! There is no router, TLS, HTTP/2 or compression, and the content of a request is read and discarded.
//! The event loop needs Unix; it is developed and measured on Linux.

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
mod outcome;
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
