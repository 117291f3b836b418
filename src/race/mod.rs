//! `hullo race`: several servers, the same work, and who is faster by how much.
//!
//! ```text
//!  options ──> command ──> measure, for each test, round and server ──> record ──> report
//!  server_spec the order     │                                          JSON       tables, page
//!  suite, workload, https    ├─ server: started, awaited, stopped         └─ compare: two records
//!  machine                   ├─ probe: does it do the same work?  <- connection: plain, or with TLS
//!                            ├─ generator: hullo bench, hey or wrk
//!                            ├─ idle_connections
//!  environment               ├─ warm_up: until it is steady
//!                            ├─ alike: are the answers under load those from before it?
//!  order: of the turns       ├─ counters: of the processor
//!  quiet: waits for calm     ├─ cost: CPU and memory of the server's processes <- process_tree
//!                            ├─ guard: parent of every server; leaves no process behind
//!                            └─ host: where servers run, if not here <- agent, which is there
//!                          summary <- stats: is a difference more than noise?
//!                          warn <- judge: what to distrust, of the servers (slowdown) and of the machine
//! ```
//!
//! What makes it fair: servers and load have cores of their own; each measurement starts a new,
//! warmed-up process; the servers take turns within each round, in a random order, so that what slows the
//! machine down slows all of them; they are compared by their ratio within a round, and a ratio whose interval
//! holds 1 is not a difference. Requests/s are the server's own only while the server is the
//! bottleneck, so the report names the bottleneck, and states the CPU time of a request, which hardly
//! depends on the generator.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "times and counts become floating numbers to be computed with, and none is negative"
)]

mod agent;
mod alike;
mod command;
mod compare;
mod connection;
mod cost;
mod counters;
mod environment;
mod format;
mod gate;
mod generator;
mod guard;
mod host;
mod https;
mod idle_connections;
mod judge;
mod machine;
mod measure;
mod options;
mod order;
mod output;
mod plan;
mod probe;
mod process_tree;
mod progress;
mod quiet;
mod readiness;
mod record;
mod report;
mod resume;
mod run;
#[cfg(test)]
mod schema;
mod server;
mod server_spec;
mod slowdown;
mod steady;
mod store;
mod suite;
mod summary;
mod verdict;
mod warm_up;
mod warn;
mod workload;

use crate::stats;
#[doc(hidden)]
pub(crate) use agent::agent;
pub(crate) use command::race;
#[doc(hidden)]
pub use command::read_record;
#[doc(hidden)]
pub(crate) use guard::guard;
pub(crate) use options::Options;
