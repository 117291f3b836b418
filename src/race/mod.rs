//! `hullo race`: several servers, the same work, and who is faster by how much.
//!
//! ```text
//!  options ──> command ──> measure, for each test, round and target ──> record ──> report
//!  flags       the order     │                                          JSON       tables, page
//!  target                    ├─ server: started, waited for, stopped     └─ compare: two of them
//!  suite                     ├─ probe: does it do the same work?
//!  machine                   ├─ generator: hullo bench, hey or wrk
//!                            ├─ idle_connections: they say nothing
//!                            ├─ cost: what the server's processes cost <- process_tree
//!                            └─ guard: above all that it starts; nothing is left behind
//!                          summary <- stats: is a difference more than noise? warn: of what to beware
//! ```
//!
//! What makes it fair: servers and load have cores of their own; each measurement has a process of
//! its own, warmed up; the targets take turns within each round, so that what slows the machine
//! down slows all of them; they are compared by the ratio within a round, and a ratio whose
//! interval holds 1 is no difference. Requests/s are the server's only while the server is the
//! bottleneck, so the report says what the bottleneck was, and what a request cost the server in
//! CPU time, which does not depend on the generator.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "times and counts become floating numbers to be computed with, and none is negative"
)]

mod command;
mod compare;
mod cost;
mod format;
mod generator;
mod guard;
mod idle_connections;
mod machine;
mod measure;
mod options;
mod probe;
mod process_tree;
mod record;
mod report;
#[cfg(test)]
mod schema;
mod server;
mod stats;
mod suite;
mod summary;
mod target;
mod verdict;
mod warn;

pub(crate) use command::race;
#[doc(hidden)]
pub use command::read_record;
#[doc(hidden)]
pub(crate) use guard::guard;
pub(crate) use options::Options;
