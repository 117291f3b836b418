//! `hullo serve`: the greeting server.

#[cfg(feature = "cli")]
mod access_log;
#[cfg(feature = "cli")]
mod admin;
#[cfg(feature = "cli")]
mod arguments;
#[cfg(feature = "cli")]
mod command;
#[cfg(feature = "cli")]
mod config;
#[cfg(feature = "cli")]
mod control;
#[cfg(feature = "cli")]
mod flags;
mod greeting;
#[cfg(feature = "cli")]
mod handover;
#[cfg(feature = "cli")]
mod inherited;
#[cfg(feature = "cli")]
mod listen;
#[cfg(feature = "cli")]
mod listeners;
#[cfg(feature = "cli")]
mod origin;
#[cfg(feature = "cli")]
mod own_url;
#[cfg(feature = "cli")]
mod settings;
#[cfg(feature = "cli")]
mod successor;
#[cfg(feature = "cli")]
mod supervisor;
#[cfg(feature = "cli")]
mod words;

#[cfg(feature = "cli")]
pub(crate) use arguments::Arguments;
#[cfg(feature = "cli")]
pub(crate) use command::serve;
pub use greeting::Greeting;
#[cfg(feature = "cli")]
pub(crate) use own_url::own_url;
