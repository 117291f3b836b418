//! The short report of a race, for a pull request.

use std::fmt::Write as _;

use super::gate;
use super::markdown::{drawn, list};
use super::view::View;
use crate::markdown::escape;
use crate::race::record::{Gate, Record};

/// What a reviewer wants to see, and the rest folded away.
pub(in crate::race) fn brief(view: &View) -> String {
    let mut out = String::new();
    let told = [
        view.verdict.as_ref(),
        view.caution.as_ref(),
        Some(&view.result),
    ];
    for (number, line) in told.into_iter().flatten().enumerate() {
        let line = escape(line);
        let mark = if number == 0 && view.verdict.is_some() {
            "**"
        } else {
            ""
        };
        let _ = writeln!(out, "\n{mark}{line}{mark}");
    }
    for table in [&view.gate, &view.overview].into_iter().flatten() {
        let _ = write!(out, "\n{}", drawn(table, &table.title));
    }
    let lines = [&view.warnings, &view.outs, &view.legend];
    let setting = view
        .setting
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    let lines: Vec<String> = lines
        .into_iter()
        .flatten()
        .cloned()
        .chain(setting)
        .collect();
    let _ = write!(
        out,
        "\n<details><summary>Warnings and setting</summary>\n\n{}\n</details>\n",
        list(&lines)
    );
    out.trim_start().to_owned()
}

/// Two races: the gate, and what changed.
pub(in crate::race) fn comparison(new: &Record, gate: Option<&Gate>, changes: &str) -> String {
    let Some(gate) = gate else {
        return changes.to_owned();
    };
    let table = gate::table(new, gate);
    let table = table.map_or(String::new(), |table| drawn(&table, "") + "\n");
    format!(
        "**{}**\n\n{table}{changes}",
        escape(&gate::verdict(new, gate))
    )
}
