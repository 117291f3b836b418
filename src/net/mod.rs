//! The shell: sockets and event loops. It knows a [`Session`](crate::http::Session) and nothing
//! else of HTTP.
//!
//! ```text
//!  worker ── waits, reads the clock once in a turn, serves whoever is ready
//!    ├─ kernel       the narrow door to the world    (system: mio; listener: socket2)
//!    ├─ slots        the table of connections; a token dies with its connection
//!    ├─ connection   one peer: socket, session, what is left over (leftovers)
//!    ├─ deadlines    who has to be closed when
//!    ├─ house        how many connections all workers have; the one thing they share
//!    └─ notice       what an operator should know
//! ```

mod connection;
mod deadlines;
mod house;
pub(crate) mod kernel;
mod leftovers;
pub(crate) mod listener;
mod notice;
mod slots;
mod system;
mod worker;

pub(crate) use deadlines::Lengths;
pub(crate) use house::{Hook, House, PROMISED_MAX};
pub use notice::Notice;
pub(crate) use system::System;
pub(crate) use worker::{TURNED_AWAY_MAX, Worker};
