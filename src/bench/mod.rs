//! `hullo bench`: a load generator that is not the bottleneck.
//!
//! ```text
//!  options ──> prepare ──> plan ──> run ──> one worker per thread ──> tally ──> report ──> text
//!  flags                   settled  threads   │                       counts    JSON       tables
//!                                             ├─ source, pace: what is due when   │
//!                                             └─ connection ── stream             └─ thresholds, warn
//!                                                  └─ response ── http's client
//!
//!  files ──> merge ──> read ──> check ──> report
//! ```
//!
//! What judges responses (`response`; [`http`](crate::http) reads them), paces requests (`pace`, `source`), and makes a report knows no
//! socket and no clock: it is tried whole, byte by byte, and cut at every place.
//!
//! The way of a request: the kernel says that an answer is there; the worker reads once into its
//! one block; a head that equals the last one byte for byte means what that meant, any other is
//! parsed; the clock is read, and that time is the end of this request and the start of the next;
//! its bytes, rendered before the run, are written once. Nothing is allocated, locked or formatted.
//!
//! How requests are counted: each ends in exactly one way, with a whole answer or with one error,
//! which takes with it all that were in flight on the same connection. A whole answer that is not
//! as `--expect-status` or `--expect-body` say counts as both. Nothing is retried, but for requests
//! behind an answer that announced the end of the connection: those were never the server's to
//! answer (RFC 9112 section 9.6), and go out again on the next one.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rates and times become floating numbers to be computed with, and none is negative"
)]

mod check;
mod command;
mod connection;
mod cpu;
#[cfg(test)]
mod damage_tests;
mod error;
mod expect;
mod merge;
mod options;
mod pace;
mod per_connection;
mod plan;
mod prepare;
mod progress;
mod read;
mod report;
#[cfg(test)]
mod report_tests;
mod request;
mod response;
mod run;
pub(crate) mod spread;
mod stream;
mod tables;
mod tally;
mod target;
mod text;
mod thresholds;
mod timer;
mod warn;
mod work_source;
mod worker;

pub(crate) use command::bench;
pub(crate) use options::{Options, hey_flags};
#[doc(hidden)]
pub use read::read_report;
pub(crate) use target::{Target as Url, reachable};
