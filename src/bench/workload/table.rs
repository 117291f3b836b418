//! The CSV file of `{csv:column}`: its first line has the names of the columns.

use std::path::Path;

use crate::bench::input;
use crate::terminal::clean;

/// Where a value is put, and so which bytes it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Field,
    Content,
}

/// The file.
#[derive(Debug)]
pub(in crate::bench) struct Table {
    /// For errors.
    name: String,
    names: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

/// The values of a column that a workload needs, ready to be copied into requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Column {
    #[cfg(test)]
    pub(super) fn of(values: &[&str]) -> Self {
        let mut column = Self::default();
        for value in values {
            column.push(value);
        }
        column
    }

    fn push(&mut self, value: &str) {
        self.bytes.extend_from_slice(value.as_bytes());
        self.ends.push(self.bytes.len());
    }

    pub(super) fn bytes_max(&self) -> usize {
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let lengths = self.ends.iter().zip(starts).map(|(end, start)| end - start);
        lengths.max().unwrap_or(0)
    }

    /// The value of this row. After the last row comes the first again.
    #[inline]
    pub(super) fn value(&self, row: u64) -> &[u8] {
        let row = (row % self.ends.len() as u64) as usize;
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[row]]
    }
}

impl Table {
    pub(in crate::bench) fn read(path: &Path) -> Result<Self, String> {
        let name = clean(&path.display().to_string());
        let bytes = input::read(path, input::FILE_BYTES_MAX);
        let bytes = bytes.map_err(|error| format!("cannot read {name}: {error}"))?;
        Self::parse(&name, &bytes)
    }

    pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::Reader::from_reader(bytes);
        let fault = |error: &csv::Error| clean(&fault(name, error));
        let names = reader.headers().map_err(|error| fault(&error))?;
        let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
        for (number, column) in names.iter().enumerate() {
            if names[..number].contains(column) {
                let column = clean(column);
                return Err(format!("{name}:1: two columns are named {column:?}"));
            }
        }
        let rows: Result<Vec<_>, _> = reader.records().collect();
        let rows = rows.map_err(|error| fault(&error))?;
        if rows.is_empty() {
            return Err(format!(
                "{name} has no values: the first line has the names of the columns, and each other line a value for each of them"
            ));
        }
        let name = name.to_owned();
        Ok(Self { name, names, rows })
    }

    /// The values of a column, after a check that each may be put in this place.
    pub(super) fn column(&self, name: &str, encoded: bool, place: Place) -> Result<Column, String> {
        let number = self.names.iter().position(|known| known == name);
        let number = number.ok_or_else(|| {
            format!(
                "{} has no column {name:?}: its first line names {}",
                self.name,
                clean(&self.names.join(", "))
            )
        })?;
        let mut column = Column::default();
        for row in &self.rows {
            let value = row.get(number).unwrap_or_default();
            let at = |fault: String| {
                let line = row.position().map_or(0, csv::Position::line);
                format!("{}:{line}: column {name}: {fault}", self.name)
            };
            if encoded {
                column.push(&percent_encoded(value));
            } else {
                check(value, name, place).map_err(at)?;
                column.push(value);
            }
        }
        Ok(column)
    }
}

/// May this value be put in this place? In none can it end a line of the head and begin another.
fn check(value: &str, name: &str, place: Place) -> Result<(), String> {
    let is_wrong = |c: &char| match place {
        Place::Path => !c.is_ascii_graphic() || "\"<>#".contains(*c),
        Place::Field => c.is_control() && *c != '\t',
        Place::Content => false,
    };
    let Some(wrong) = value.chars().find(is_wrong) else {
        return Ok(());
    };
    Err(match place {
        Place::Path => format!(
            "{wrong:?} is not allowed in a path: write {{csv:{name}:encoded}} to have it percent-encoded"
        ),
        _ => format!("{wrong:?} is not allowed in a header field"),
    })
}

/// RFC 3986 section 2.3: all but the unreserved characters.
fn percent_encoded(value: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn fault(name: &str, error: &csv::Error) -> String {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{name}:{line}: {len} values, but {expected_len} columns"),
        csv::ErrorKind::Utf8 { .. } => format!("{name}:{line}: not UTF-8"),
        _ => format!("{name}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str, name: &str, encoded: bool, place: Place) -> Result<Vec<String>, String> {
        let table = Table::parse("t.csv", text.as_bytes())?;
        let column = table.column(name, encoded, place)?;
        let value = |row| String::from_utf8(column.value(row).to_vec()).unwrap();
        Ok((0..column.ends.len() as u64).map(value).collect())
    }

    #[test]
    fn columns_are_found_by_name() {
        let text = "\u{feff}id, term\r\n1,\"a \"\"b\"\", c\"\r\n22,\"x\ny\"\r\n";
        assert_eq!(values(text, "id", false, Place::Path).unwrap(), ["1", "22"]);
        assert_eq!(
            values(text, "term", false, Place::Content).unwrap(),
            ["a \"b\", c", "x\ny"]
        );
        assert_eq!(
            values(text, "term", true, Place::Path).unwrap(),
            ["a%20%22b%22%2C%20c", "x%0Ay"]
        );
    }

    #[test]
    fn bad_files_are_refused_with_the_line() {
        for (text, said) in [
            ("", "t.csv has no values"),
            ("a,b\n", "t.csv has no values"),
            ("a,a\n1,2\n", "t.csv:1: two columns are named \"a\""),
            ("a,b\n1,2\n3\n", "t.csv:3: 1 values, but 2 columns"),
            (
                "b\n1\n",
                "t.csv has no column \"a\": its first line names b",
            ),
            (
                "a\n1\nx y\n",
                "t.csv:3: column a: ' ' is not allowed in a path: write {csv:a:encoded}",
            ),
        ] {
            let error = values(text, "a", false, Place::Path).unwrap_err();
            assert!(error.starts_with(said), "{text:?}: {error}");
        }
        let bytes = Table::parse("t.csv", b"a\n1\n\xff\n").unwrap_err();
        assert_eq!(bytes, "t.csv:3: not UTF-8");
        let line = values("a\n\"x\r\nEvil: y\"\n", "a", false, Place::Field).unwrap_err();
        assert!(
            line.starts_with("t.csv:2: column a: '\\r' is not allowed in a header field"),
            "{line}"
        );
    }

    proptest! {
        /// Whatever a file holds: no value in a head has a line end, and an encoded one has only unreserved
        /// characters and percent signs.
        #[test]
        fn no_value_ends_a_line(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let text = [b"a\n", &bytes[..]].concat();
            if let Ok(table) = Table::parse("t.csv", &text) {
                for place in [Place::Path, Place::Field] {
                    if let Ok(column) = table.column("a", false, place) {
                        prop_assert!(!column.bytes.iter().any(|byte| b"\r\n\0".contains(byte)));
                    }
                }
                let encoded = table.column("a", true, Place::Path).unwrap();
                prop_assert!(encoded.bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(byte)));
            }
        }
    }
}
