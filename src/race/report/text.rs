//! The report for a terminal.

use std::env;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, stdout};

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Width};

use super::tables::{Table, departures};
use super::view::View;

/// For standard output, as wide as the terminal that it may be.
pub(in crate::race) fn text(view: &View) -> String {
    // https://no-color.org: set and not empty.
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colour = stdout().is_terminal() && !refused;
    // comfy-table asks the terminal.
    let width = comfy_table::Table::new().width();
    plain(view, width, colour)
}

/// In this many columns, or in as many as it takes.
pub(super) fn plain(view: &View, width: Option<u16>, colour: bool) -> String {
    let form = Plain { width, colour };
    let caution = view.verdict.iter().chain(&view.caution);
    let caution: String = caution.map(|text| form.prose(text, "")).collect();
    let result = form.prose(&view.result, "");
    let mut out = format!("{}\n{caution}{result}", view.title);
    for table in [&view.gate, &view.article].into_iter().flatten() {
        out += &form.heading(&table.title);
        out += &form.table(table);
    }
    for section in &view.sections {
        out += &form.heading(&section.title);
        out += &form.prose(&section.result, "");
        for table in &section.tables {
            let _ = write!(out, "\n{}", form.table(table));
        }
    }
    if let Some(behaviour) = &view.behaviour {
        out += &form.heading("Behaviour");
        out.extend(
            departures(behaviour)
                .iter()
                .map(|line| form.prose(line, " ")),
        );
    }
    for (title, lines) in view.notes() {
        if !lines.is_empty() {
            out += &form.heading(title);
            out.extend(lines.iter().map(|line| form.prose(line, " ")));
        }
    }
    // A command is copied: none of its lines is broken.
    out += &form.heading("Commands");
    for (name, command) in &view.commands {
        let _ = writeln!(out, " {name}: {}", command.replace('\n', "\n   "));
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
        let bold = |title: &String| Cell::new(title).add_attribute(Attribute::Bold);
        drawn.set_header(head.iter().map(bold).collect::<Vec<_>>());
        for row in &table.rows {
            drawn.add_row(row);
        }
        for (number, column) in drawn.column_iter_mut().enumerate().skip(1) {
            if number >= table.text_columns {
                column.set_cell_alignment(CellAlignment::Right);
            }
            // Heads and names are broken where there is little room, figures are not. The two are the
            // blanks around a cell.
            let width = u16::try_from(widest(table, number) + 2).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
        let mut out = format!("{}\n", drawn.trim_fmt());
        out.extend(table.notes.iter().map(|note| self.prose(note, " ")));
        out
    }

    /// In lines as long as the terminal is wide; all but the first are indented further.
    fn prose(&self, text: &str, indent: &str) -> String {
        let width = self.width.map_or(usize::MAX, usize::from);
        let mut out = String::new();
        let mut line = format!("{indent}{}", text.split(' ').next().unwrap_or(""));
        for word in text.split(' ').skip(1) {
            if line.chars().count() + 1 + word.chars().count() > width {
                let _ = writeln!(out, "{line}");
                line = format!("{}{word}", indent.repeat(3));
            } else {
                let _ = write!(line, " {word}");
            }
        }
        out + &line + "\n"
    }
}

/// Of the cells of a column and the words of its head.
fn widest(table: &Table, column: usize) -> usize {
    let cells = table.rows.iter().filter_map(|row| row.get(column));
    let head = table.head.get(column).into_iter();
    let words = head.flat_map(|title| title.split(' '));
    let all = cells.map(String::as_str).chain(words);
    all.map(|text| text.chars().count()).max().unwrap_or(0)
}
