//! Markdown: its tables, and text from outside that it must not read as its own signs.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

/// Draws a table. The cells are escaped; columns from `text_columns` on are aligned to the right.
pub(crate) fn table<C: AsRef<str>>(
    head: &[&str],
    rows: &[impl AsRef<[C]>],
    text_columns: usize,
) -> String {
    let mut drawn = Table::new();
    drawn.force_no_tty().load_style(ASCII_MARKDOWN);
    drawn.set_header(head.iter().map(|title| escape(title)).collect::<Vec<_>>());
    for row in rows {
        let cells = row.as_ref().iter().map(|cell| escape(cell.as_ref()));
        drawn.add_row(cells.collect::<Vec<_>>());
    }
    for column in drawn.column_iter_mut().skip(text_columns) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut out = String::new();
    for (number, line) in drawn.lines().enumerate() {
        // The line of dashes says how a column is aligned.
        out += &if number == 1 {
            colons(&line, text_columns)
        } else {
            line
        };
        out.push('\n');
    }
    out
}

fn colons(dashes: &str, text_columns: usize) -> String {
    let columns = dashes.split('|').enumerate();
    let columns = columns.map(|(number, column)| match column.strip_suffix('-') {
        // Before the first bar there is no column.
        Some(rest) if number > text_columns => format!("{rest}:"),
        _ => column.to_owned(),
    });
    columns.collect::<Vec<_>>().join("|")
}

/// For a line or a cell.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if r"\|<>&*_`[]~#$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A block of shell that nothing in it ends.
pub(crate) fn shell(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}sh\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_signs_are_escaped() {
        assert_eq!(escape("a|b <i> *x*"), r"a\|b \<i\> \*x\*");
        assert_eq!(shell("a ``` b"), "````sh\na ``` b\n````\n");
    }

    #[test]
    fn figures_are_aligned_to_the_right() {
        let drawn = table(&["", "n"], &[["a|b", "1"], ["c", "20"]], 1);
        assert_eq!(
            drawn,
            "|      |  n |\n|------|---:|\n| a\\|b |  1 |\n| c    | 20 |\n"
        );
    }
}
