//! `hullo bench`: a load generator that is not the bottleneck.
//!
//! ```text
//!  options ─> prepare ─> plan ─> run ─> one worker per thread ─> tally ─> measured ─> report
//!  flags                         threads  │                      counts   joined      JSON
//!                                         ├─ work_source, pace: what is due when       │
//!                                         └─ connection ── stream      text, tables, thresholds
//!                                              └─ response ── http::client      stream: a socket, or crate::tls on one
//!
//!  request file, CSV ─> workload ─> requests that differ, composed by each worker
//!
//!  --find: goal ─> find ─> many short runs ─> the highest load that holds
//!
//!  --hosts: hosts ─> the same command on each by ssh ─> merge
//!  files ─> merge ─> read ─> check ─> report ─> measured
//! ```
//!
//! The modules that judge answers (`response`; `http::client` reads them), pace requests (`pace`, `work_source`) and make reports
//! have no socket and no clock, so tests run them whole, byte by byte, and cut at every place.
//!
//! The path of a request: the kernel reports that an answer is there; the worker reads once into its
//! one block; a head equal to the last one needs no parsing; the clock is read, and that time is the
//! end of this request and the start of the next; the bytes of the next, rendered before the run, are
//! written once. Nothing is allocated, locked or formatted.
//!
//! How requests are counted: each ends in exactly one way, with a complete answer or with one error,
//! which fails all requests in flight on the same connection. A complete answer other than
//! `--expect-status` or `--expect-body` expect counts as both. Nothing is retried, except requests
//! behind an answer that announced the end of the connection: the server never handled those (RFC 9112
//! section 9.6), so they are sent again on a new one.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rates and times are computed in floating point, and none is negative"
)]

mod check;
mod closed_model;
mod command;
mod compare;
mod connection;
mod context;
mod cpu;
#[cfg(test)]
mod damage_tests;
pub(crate) mod distribution;
mod durations;
mod error;
mod expect;
mod find;
mod goal;
mod hosts;
mod input;
mod layout;
mod line_chart;
mod live;
mod load_text;
mod log_histogram;
mod machines;
mod measured;
mod merge;
mod open_model;
mod options;
mod outputs;
pub(crate) mod overload;
mod pace;
pub(crate) mod per_connection;
mod picture;
mod plan;
mod prepare;
mod rates;
mod read;
mod report;
#[cfg(test)]
mod report_tests;
mod request;
mod requests;
mod response;
mod run;
#[cfg(test)]
mod schema_tests;
mod socket;
mod stream;
mod summary;
mod tables;
mod tally;
mod text;
mod thresholds;
mod times;
mod tls;
mod url;
mod warn;
mod work_source;
mod worker;
mod workload;

pub(crate) use command::bench;
pub(crate) use options::{BenchOptions, hey_flags};
#[doc(hidden)]
pub(crate) use rates::rate;
pub use read::read_report;
pub(crate) use report::Report;
pub(crate) use request::field;
pub(crate) use requests::check_requests;
pub(crate) use tls::{Tls, TlsFlags, TlsSettings};
pub(crate) use url::{Url, host_and_port, reachable};
