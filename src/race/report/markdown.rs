//! The report in Markdown.

use std::fmt::Write as _;

use super::tables::Table;
use super::view::View;
use crate::markdown::{self, escape};

pub(in crate::race) fn markdown(view: &View) -> String {
    let mut out = format!("# {}\n", escape(&view.title));
    let told = [
        view.verdict.as_ref(),
        view.caution.as_ref(),
        Some(&view.result),
    ];
    for line in told.into_iter().flatten() {
        let _ = write!(out, "\n{}\n", escape(line));
    }
    for table in [&view.gate, &view.overview, &view.article]
        .into_iter()
        .flatten()
    {
        let _ = write!(out, "\n## {}\n\n{}", table.title, drawn(table, ""));
    }
    for section in &view.sections {
        let (title, result) = (escape(&section.title), escape(&section.result));
        let _ = write!(out, "\n## {title}\n\n{result}\n");
        for table in &section.tables {
            let _ = write!(out, "\n{}", drawn(table, &table.title));
        }
    }
    if let Some(behaviour) = &view.behaviour {
        let _ = write!(out, "\n## Behaviour\n\n{}", drawn(behaviour, ""));
    }
    for (title, lines) in view.notes() {
        if !lines.is_empty() {
            let _ = write!(out, "\n## {title}\n\n{}", list(&lines));
        }
    }
    out += "\n## Commands\n";
    for (name, command) in &view.commands {
        let _ = write!(out, "\n{}:\n\n{}", escape(name), markdown::shell(command));
    }
    out
}

/// With its title in the corner, and its notes below.
pub(super) fn drawn(table: &Table, title: &str) -> String {
    let mut head: Vec<&str> = table.head.iter().map(String::as_str).collect();
    if let Some(corner) = head.first_mut().filter(|corner| corner.is_empty()) {
        *corner = title;
    }
    let mut out = markdown::table(&head, &table.rows, table.text_columns);
    if !table.notes.is_empty() {
        let _ = write!(out, "\n{}", list(&table.notes));
    }
    out
}

pub(super) fn list(lines: &[String]) -> String {
    let lines = lines.iter().map(|line| escape(line));
    lines.fold(String::new(), |list, line| list + "- " + &line + "\n")
}
