//! What a race looks like: tables for a terminal and for Markdown, a page, and a picture.
//!
//! ```text
//!  record ──> facts ──> narrative, tables ──> text      terminal, Markdown
//!             rows      sentences  cells │     notes beside them
//!                       format, escape   └─> page   page.html
//!                                             │
//!                       bars, lines ──────────┴──   picture
//!                       plot: ink, text, size       of a README
//! ```
//!
//! Names, commands and warnings come from outside: `escape::clean` takes out of them what a
//! terminal would obey, and each form escapes what it would read as its own signs.

mod bars;
mod escape;
mod facts;
mod format;
mod lines;
#[cfg(test)]
mod mutations;
mod narrative;
mod notes;
mod page;
mod picture;
mod plot;
#[cfg(test)]
mod sample;
mod tables;
#[cfg(test)]
mod tests;
mod text;

pub(super) use escape::cell;
pub(super) use format::{count, time};
pub(super) use page::page;
pub(super) use picture::picture;
pub(super) use text::{markdown, text};
