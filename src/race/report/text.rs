//! The tables for a terminal, and for a page in Markdown.

use std::env;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, stdout};

use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Width,
};

use super::escape::markdown as escaped;
use super::facts::parts;
use super::tables::{self, RIGHT, Table, WRONG};
use super::{narrative, notes};
use crate::race::record::Record;

/// For the terminal that standard output is, or for whatever else it is.
pub(in crate::race) fn text(record: &Record) -> String {
    // https://no-color.org: set and not empty.
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = stdout().is_terminal() && !refused;
    // A table asks the terminal for its width.
    let width = comfy_table::Table::new().width();
    plain(record, width, colour)
}

/// In so many columns, or in as many as it takes.
pub(super) fn plain(record: &Record, width: Option<u16>, colour: bool) -> String {
    let form = Plain { width, colour };
    let mut out = format!("{}\n", narrative::title(record));
    out += &form.prose(&narrative::result(record), "");
    if let Some(table) = tables::article(record) {
        out += &form.heading(&table.title);
        out += &form.table(&table);
    }
    for part in parts(record) {
        out += &form.heading(&narrative::heading(record, &part));
        out += &form.prose(&narrative::sentence(record, &part), "");
        for table in tables::of(record, &part) {
            let _ = write!(out, "\n{}", form.table(&table));
        }
    }
    if let Some(table) = tables::behaviour(record) {
        out += &form.heading("Behaviour");
        out += &form.table(&numbered(table));
    }
    out += &form.rest(record);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

struct Plain {
    width: Option<u16>,
    colour: bool,
}

impl Plain {
    fn heading(&self, title: &str) -> String {
        if self.colour {
            format!("\n\x1b[1m{title}\x1b[0m\n")
        } else {
            format!("\n{title}\n{}\n", "=".repeat(title.chars().count()))
        }
    }

    fn table(&self, table: &Table) -> String {
        let mut drawn = comfy_table::Table::new();
        drawn.force_no_tty().load_style(NOTHING);
        drawn.set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(width) = self.width {
            drawn.set_width(width);
        }
        if self.colour {
            drawn.enforce_styling();
        }
        let mut head = table.head.clone();
        if let Some(corner) = head.first_mut().filter(|corner| corner.is_empty()) {
            corner.clone_from(&table.title);
        }
        let head = head
            .iter()
            .map(|title| Cell::new(title).add_attribute(Attribute::Bold));
        drawn.set_header(head.collect::<Vec<_>>());
        for row in &table.rows {
            drawn.add_row(row.iter().map(|text| cell(text)).collect::<Vec<_>>());
        }
        align(&mut drawn, table);
        hold_figures(&mut drawn, table);
        let mut out = format!("{}\n", drawn.trim_fmt());
        for note in &table.notes {
            out += &self.prose(note, " ");
        }
        out
    }

    /// In lines as long as the terminal is wide; those after the first stand further in.
    fn prose(&self, text: &str, indent: &str) -> String {
        let width = self.width.map_or(usize::MAX, usize::from);
        let mut out = String::new();
        let mut line = indent.to_owned();
        let mut is_empty = true;
        for word in text.split(' ') {
            if !is_empty && line.chars().count() + 1 + word.chars().count() > width {
                let _ = writeln!(out, "{line}");
                line = format!("{indent}{indent}{indent}");
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line += word;
            is_empty = false;
        }
        let _ = writeln!(out, "{line}");
        out
    }

    /// What is no figure.
    fn rest(&self, record: &Record) -> String {
        let mut out = String::new();
        let mut section = |title: &str, lines: &[String]| {
            if !lines.is_empty() {
                out += &self.heading(title);
                for line in lines {
                    out += &self.prose(line, " ");
                }
            }
        };
        section("Warnings", &notes::warnings(record));
        section("Out", &notes::outs(record));
        section("How to read it", &notes::how_to_read(record));
        let setting: Vec<String> = notes::setting(record)
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        section("Setting", &setting);
        // A command is copied: no line of it is broken.
        out += &self.heading("Commands");
        for (name, command) in notes::commands(record) {
            let _ = writeln!(out, " {name}: {}", command.replace('\n', "\n   "));
        }
        out
    }
}

fn cell(text: &str) -> Cell {
    let cell = Cell::new(text);
    match text {
        RIGHT => cell.fg(Color::Green),
        WRONG => cell.fg(Color::Red),
        _ => cell,
    }
}

fn align(drawn: &mut comfy_table::Table, table: &Table) {
    for (number, column) in drawn.column_iter_mut().enumerate() {
        if number >= table.words {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Where there is little room heads and names are broken, and no figure.
fn hold_figures(drawn: &mut comfy_table::Table, table: &Table) {
    for (number, column) in drawn.column_iter_mut().enumerate().skip(1) {
        let cells = table.rows.iter().filter_map(|row| row.get(number));
        let words = table
            .head
            .get(number)
            .into_iter()
            .flat_map(|t| t.split(' '));
        let all = cells.map(String::as_str).chain(words);
        let widest = all.map(|text| text.chars().count()).max().unwrap_or(0);
        // Two more are the blanks around it.
        let width = u16::try_from(widest + 2).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
}

/// Titles of probes are too long to stand beside each other: numbers do, and the notes say whose.
fn numbered(mut table: Table) -> Table {
    // The first two columns are the name, and how much was right.
    for (number, title) in table.head.iter_mut().skip(2).enumerate() {
        *title = (number + 1).to_string();
    }
    for (number, note) in table.notes.iter_mut().enumerate() {
        *note = format!("{:>2} {note}", number + 1);
    }
    table
}

pub(in crate::race) fn markdown(record: &Record) -> String {
    let mut out = format!("# {}\n", escaped(&narrative::title(record)));
    let _ = writeln!(out, "\n{}", escaped(&narrative::result(record)));
    if let Some(table) = tables::article(record) {
        let _ = writeln!(out, "\n## {}\n", table.title);
        out += &markdown_table(&table);
    }
    for part in parts(record) {
        let _ = writeln!(out, "\n## {}", escaped(&narrative::heading(record, &part)));
        let _ = writeln!(out, "\n{}", escaped(&narrative::sentence(record, &part)));
        for table in tables::of(record, &part) {
            let _ = write!(out, "\n{}", markdown_table(&table));
        }
    }
    if let Some(table) = tables::behaviour(record) {
        out += "\n## Behaviour\n\n";
        out += &markdown_table(&table);
    }
    let mut section = |title: &str, lines: &[String]| {
        if !lines.is_empty() {
            let _ = writeln!(out, "\n## {title}\n");
            for line in lines {
                let _ = writeln!(out, "- {}", escaped(line));
            }
        }
    };
    section("Warnings", &notes::warnings(record));
    section("Out", &notes::outs(record));
    section("How to read it", &notes::how_to_read(record));
    let setting: Vec<String> = notes::setting(record)
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    section("Setting", &setting);
    out += "\n## Commands\n";
    for (name, command) in notes::commands(record) {
        let _ = write!(out, "\n{}:\n\n{}", escaped(&name), fenced(&command));
    }
    out
}

fn markdown_table(table: &Table) -> String {
    let mut drawn = comfy_table::Table::new();
    drawn.force_no_tty().load_style(ASCII_MARKDOWN);
    let mut head: Vec<String> = table.head.iter().map(|title| escaped(title)).collect();
    if let Some(corner) = head.first_mut().filter(|corner| corner.is_empty()) {
        *corner = escaped(&table.title);
    }
    drawn.set_header(head);
    for row in &table.rows {
        drawn.add_row(row.iter().map(|text| escaped(text)).collect::<Vec<_>>());
    }
    align(&mut drawn, table);
    let lines = drawn.lines().enumerate().map(|(number, line)| {
        // The line of dashes says how a column is aligned.
        if number == 1 {
            colons(&line, table.words)
        } else {
            line
        }
    });
    let mut out = lines.collect::<Vec<_>>().join("\n") + "\n";
    if !table.notes.is_empty() {
        out.push('\n');
    }
    for note in &table.notes {
        let _ = writeln!(out, "- {}", escaped(note));
    }
    out
}

fn colons(dashes: &str, words: usize) -> String {
    let columns: Vec<String> = dashes
        .split('|')
        .enumerate()
        .map(|(number, column)| match column.strip_suffix('-') {
            // Before the first bar there is no column.
            Some(rest) if number > words => format!("{rest}:"),
            _ => column.to_owned(),
        })
        .collect();
    columns.join("|")
}

/// A block that nothing in it ends.
fn fenced(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}sh\n{text}\n{fence}\n")
}
