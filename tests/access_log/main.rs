//! The access log of `hullo serve`: what stands in it, and that nothing it is written to holds up a
//! response.
#![allow(missing_docs)]

mod formats;
mod full;
mod rotation;
mod server;
