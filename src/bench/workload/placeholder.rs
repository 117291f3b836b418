//! Finds placeholders in a text: `{seq}`, `{rand:1-1000}`, `{uuid}`, `{n}`, `{csv:column}`.
//!
//! Any other text in braces stays as it is: content is often JSON.

/// What a placeholder is replaced by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Placeholder {
    /// `{n}`: the position in the batch of `--pipeline`, from 0.
    Position,
    /// `{seq}`: 0, 1, 2, ..., each once in a run.
    Sequence,
    /// `{rand:1-1000}`: a random number, both ends included.
    Random { min: u64, max: u64 },
    /// `{uuid}`: a random UUID.
    Uuid,
    /// `{csv:column}`: the value of this column. `{csv:column:encoded}`: percent-encoded.
    Column { name: String, encoded: bool },
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// With its text in braces: equal texts mean the same value within a request.
    Placeholder(&'a str, Placeholder),
}

/// What can be written, for errors.
pub(super) const FORMS: &str =
    "{seq}, {rand:1-1000}, {uuid}, {n}, {csv:column} and {csv:column:encoded}";

/// Cuts a text into its pieces. Only what begins like a placeholder and is wrong is an error.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut plain = 0;
    for (open, _) in text.match_indices('{') {
        let Some(length) = text[open + 1..].find(['{', '}']) else {
            break;
        };
        let close = open + 1 + length;
        if text.as_bytes().get(close) != Some(&b'}') {
            continue;
        }
        let inside = &text[open + 1..close];
        let whole = &text[open..=close];
        if let Some(placeholder) = parse(inside).map_err(|error| format!("{whole}: {error}"))? {
            if plain < open {
                pieces.push(Piece::Text(&text[plain..open]));
            }
            pieces.push(Piece::Placeholder(inside, placeholder));
            plain = close + 1;
        }
    }
    if plain < text.len() {
        pieces.push(Piece::Text(&text[plain..]));
    }
    Ok(pieces)
}

/// `None` if this is not a placeholder.
fn parse(inside: &str) -> Result<Option<Placeholder>, String> {
    let (word, rest) = match inside.split_once(':') {
        Some((word, rest)) => (word, Some(rest)),
        None => (inside, None),
    };
    Ok(Some(match (word, rest) {
        ("n", None) => Placeholder::Position,
        // A second one in the same request needs a name of its own: {uuid:b}.
        ("seq", None) => Placeholder::Sequence,
        ("uuid", _) => Placeholder::Uuid,
        ("rand", Some(rest)) => random(rest)?,
        ("rand", None) => return Err("write the range, as {rand:1-1000}".to_owned()),
        ("csv", Some(rest)) => column(rest)?,
        ("csv", None) => return Err("write the column, as {csv:name}".to_owned()),
        _ => return Ok(None),
    }))
}

/// `1-1000`, or `1-1000:name`.
fn random(text: &str) -> Result<Placeholder, String> {
    let range = text.split(':').next().unwrap_or_default();
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| !text.starts_with('+'));
    let ends = range
        .split_once('-')
        .and_then(|(min, max)| number(min).zip(number(max)));
    match ends {
        Some((min, max)) if min <= max => Ok(Placeholder::Random { min, max }),
        Some(_) => Err("the range ends before it begins".to_owned()),
        None => Err("not a range: write two whole numbers, as {rand:1-1000}".to_owned()),
    }
}

fn column(text: &str) -> Result<Placeholder, String> {
    let (name, encoded) = match text.strip_suffix(":encoded") {
        Some(name) => (name, true),
        None => (text, false),
    };
    if name.is_empty() {
        return Err("write the column, as {csv:name}".to_owned());
    }
    let name = name.to_owned();
    Ok(Placeholder::Column { name, encoded })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[Piece<'_>]) {
        assert_eq!(pieces(text).as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn placeholders_are_found_between_other_text() {
        let random = |text, min, max| Piece::Placeholder(text, Placeholder::Random { min, max });
        let column = |text, name: &str, encoded| {
            let name = name.to_owned();
            Piece::Placeholder(text, Placeholder::Column { name, encoded })
        };
        check("", &[]);
        check("/a", &[Piece::Text("/a")]);
        let n = Piece::Placeholder("n", Placeholder::Position);
        check("{n}", std::slice::from_ref(&n));
        check(
            "/{n}/{n}",
            &[Piece::Text("/"), n.clone(), Piece::Text("/"), n],
        );
        check(
            "{\"a\":{seq}}",
            &[
                Piece::Text("{\"a\":"),
                Piece::Placeholder("seq", Placeholder::Sequence),
                Piece::Text("}"),
            ],
        );
        check("{rand:7-7}", &[random("rand:7-7", 7, 7)]);
        check(
            "{rand:0-18446744073709551615:b}",
            &[random("rand:0-18446744073709551615:b", 0, u64::MAX)],
        );
        check(
            "{uuid:b}",
            &[Piece::Placeholder("uuid:b", Placeholder::Uuid)],
        );
        check("{csv:a b}", &[column("csv:a b", "a b", false)]);
        check("{csv:a:encoded}", &[column("csv:a:encoded", "a", true)]);
    }

    #[test]
    fn other_braces_are_text() {
        for text in [
            "{",
            "}",
            "{}",
            "{{}}",
            "{ n }",
            "{N}",
            "{seq",
            "{seq:1}",
            "{\"rand\":5}",
            "{{n",
            "{m}",
        ] {
            check(text, &[Piece::Text(text)]);
        }
    }

    #[test]
    fn a_wrong_placeholder_is_an_error() {
        for (text, said) in [
            ("{rand}", "as {rand:1-1000}"),
            ("{rand:5}", "not a range"),
            ("{rand:a-b}", "not a range"),
            ("{rand:+1-2}", "not a range"),
            ("{rand:1-99999999999999999999}", "not a range"),
            ("{rand:2-1}", "ends before it begins"),
            ("{csv}", "as {csv:name}"),
            ("{csv:}", "as {csv:name}"),
            ("x{csv::encoded}", "as {csv:name}"),
        ] {
            let error = pieces(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    proptest! {
        /// Nothing is lost: the pieces are the text.
        #[test]
        fn pieces_are_the_whole_text(text in "([{}:n1-]|seq|uuid|rand:|csv:|[a-z\u{e9}]|\\{n\\}|\\{rand:1-6\\}){0,12}") {
            if let Ok(pieces) = pieces(&text) {
                let joined: String = pieces.iter().map(|piece| match piece {
                    Piece::Text(text) => (*text).to_owned(),
                    Piece::Placeholder(inside, _) => format!("{{{inside}}}"),
                }).collect();
                prop_assert_eq!(joined, text);
            }
        }
    }
}
