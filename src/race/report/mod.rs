//! What a race looks like: the report for a terminal and in Markdown, a page, and a picture.
//!
//! ```text
//!  record ──> view: rows, tables, ──> renderers: text, markdown, page ──> charts, lines
//!             curves, narrative, notes           picture ───────────────> on a plot
//! ```
//!
//! The view is plain data, and clean: what a terminal would obey is taken out of names, commands and
//! warnings. Each renderer escapes the signs of its own form.

mod brief;
mod charts;
mod curves;
mod gate;
#[cfg(test)]
mod kinds;
mod lines;
mod markdown;
#[cfg(test)]
mod mutations;
mod narrative;
mod notes;
mod page;
mod picture;
mod plot;
mod protocols;
mod rows;
#[cfg(test)]
pub(super) mod sample;
mod section;
mod series;
mod tables;
#[cfg(test)]
mod tests;
mod text;
#[cfg(test)]
mod unit_tests;
mod view;

pub(super) use brief::{brief, comparison};
pub(super) use gate::verdict;
pub(super) use markdown::markdown;
pub(super) use page::page;
pub(super) use picture::picture;
pub(super) use text::text;
pub(super) use view::View;
