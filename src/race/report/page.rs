//! The page: one file that needs nothing else.

use askama::Template;

use super::charts::svg;
use super::tables::{RIGHT, WRONG};
use super::view::View;

#[derive(Template)]
#[template(path = "page.html", config = "src/race/report/askama.toml")]
struct Page<'a> {
    view: &'a View,
}

pub(in crate::race) fn page(view: &View) -> String {
    // It writes into a string, which does not fail.
    Page { view }.render().unwrap_or_default()
}

/// A line of the page breaks neither within an interval nor before a per cent sign.
fn unbroken(text: &str) -> String {
    text.replace('–', "\u{2060}–\u{2060}")
        .replace(" %", "\u{a0}%")
}

/// Of a cell of the behaviour, for the style sheet.
fn class(cell: &str) -> &'static str {
    match cell {
        RIGHT => "right",
        cell if cell.starts_with(WRONG) => "wrong",
        _ => "",
    }
}
