//! The server's settings, in one table: it makes the flags and their help, the environment's
//! variables, the ranges, and the tables of `src/server/README.md`.
//!
//! A new setting is a field of [`Config`](super::config::Config) or its
//! [`Options`](crate::server::Options), and a row of [`SETTINGS`]; a test prints the table for the
//! README. Defaults and ranges that the library has are taken from there.

mod access_log;
mod limits;
mod listen;
mod origin;
mod setting;
mod times;
mod value;

pub(super) use setting::Setting;
pub(super) use value::Value;

/// All of them, in the order of the help.
pub(super) static SETTINGS: [Setting; 27] = [
    listen::LISTEN,
    listen::HOST,
    listen::PORT,
    listen::WORKERS,
    listen::POLL,
    listen::ADMIN,
    listen::PIN,
    limits::MAX_HEAD_BYTES,
    limits::MAX_FIELDS,
    limits::MAX_TARGET_BYTES,
    limits::MAX_BODY_BYTES,
    limits::MAX_CONNECTIONS,
    limits::MAX_BUFFERED_BYTES,
    times::HEAD_TIMEOUT,
    times::IDLE_TIMEOUT,
    times::BODY_TIMEOUT,
    times::WRITE_TIMEOUT,
    times::DRAIN_DELAY,
    times::GRACE,
    times::REPLACE_TIMEOUT,
    access_log::ACCESS_LOG,
    access_log::ACCESS_LOG_FORMAT,
    origin::TEST_ENDPOINTS,
    origin::TEST_DEFAULTS,
    origin::MAX_DELAY,
    origin::MAX_SIZE,
    origin::SEED,
];

#[cfg(test)]
mod tests;
