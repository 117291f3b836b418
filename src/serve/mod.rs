//! `hullo serve`: the greeting server.

#[cfg(feature = "cli")]
mod command;
mod greeting;

#[cfg(feature = "cli")]
pub(crate) use command::run;
pub use greeting::Greeting;
