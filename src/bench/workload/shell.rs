//! Cuts a command line into words, as bash does with what browsers copy.
//!
//! `shlex` knows quotes and backslashes, but not `$'…'`, which browsers write when a value has a quotation mark or a
//! line feed. What a shell would replace or run is refused.

/// The words of one command.
pub(super) fn words(command: &str) -> Result<Vec<String>, String> {
    let plain = without_ansi_quotes(command.trim())?;
    shlex::split(&plain).ok_or_else(|| "a quotation mark is not closed".to_owned())
}

/// Writes `$'…'` in quotes that `shlex` knows.
fn without_ansi_quotes(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    let mut is_double = false;
    while let Some(next) = rest.chars().next() {
        let tail = &rest[next.len_utf8()..];
        let is_start = out.chars().last().is_none_or(char::is_whitespace);
        match next {
            // A line that goes on: bash removes both before it looks for words. A file may have CRLF.
            '\\' if tail.starts_with('\n') => rest = &tail[1..],
            '\\' if tail.starts_with("\r\n") => rest = &tail[2..],
            '\\' => {
                let length = 1 + tail.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            '\'' if !is_double => {
                let end = tail.find('\'').ok_or("a quotation mark is not closed")?;
                out.push_str(&rest[..end + 2]);
                rest = &tail[end + 1..];
            }
            '$' if !is_double && tail.starts_with('\'') => {
                let (value, length) = ansi(&tail[1..])?;
                let quoted = shlex::try_quote(&value).map_err(|_| "it has a NUL character")?;
                out.push_str(&quoted);
                rest = &tail[1 + length..];
            }
            '$' | '`' => {
                return Err(format!(
                    "a shell would replace what follows {next}: write it in single quotes"
                ));
            }
            '#' if !is_double && is_start => {
                return Err("it has a comment: leave that out".to_owned());
            }
            ';' | '|' | '&' | '<' | '>' | '\n' | '(' | ')' if !is_double => {
                return Err(format!(
                    "{next:?} is not in quotes: give one command, and its URL in single quotes"
                ));
            }
            _ => {
                is_double ^= next == '"';
                out.push(next);
                rest = tail;
            }
        }
    }
    Ok(out)
}

/// The value of `$'…'`, from behind its first quotation mark, and its length with the last one.
fn ansi(text: &str) -> Result<(String, usize), String> {
    let bytes = text.as_bytes();
    let (mut value, mut at) = (Vec::new(), 0);
    loop {
        match bytes.get(at) {
            None => return Err("a quotation mark is not closed".to_owned()),
            Some(b'\'') => break,
            Some(b'\\') => at += 1 + escape(&bytes[at + 1..], &mut value)?,
            Some(byte) => {
                value.push(*byte);
                at += 1;
            }
        }
    }
    let value = String::from_utf8(value).map_err(|_| "it is not UTF-8")?;
    Ok((value, at + 1))
}

/// Appends what an escape means. Returns its length, without the backslash.
fn escape(text: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
    let first = *text.first().ok_or("a quotation mark is not closed")?;
    let number = |from: usize, most: usize, base: u32| {
        let digits = text[from..].iter().take(most);
        let digits = digits.map_while(|digit| char::from(*digit).to_digit(base));
        digits.fold((0_u32, 0), |(value, count), digit| {
            (value * base + digit, count + 1)
        })
    };
    let simple = match first {
        b'\\' | b'\'' | b'"' | b'?' => first,
        b'a' => 7,
        b'b' => 8,
        b'e' | b'E' => 27,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'0'..=b'7' => {
            let (value, count) = number(0, 3, 8);
            out.push((value & 0xff) as u8);
            return Ok(count);
        }
        b'x' => match number(1, 2, 16) {
            (_, 0) => return Err("\\x has no digits".to_owned()),
            (value, count) => {
                out.push(value as u8);
                return Ok(1 + count);
            }
        },
        b'u' | b'U' => {
            let (value, count) = number(1, if first == b'u' { 4 } else { 8 }, 16);
            let character = char::from_u32(value).filter(|_| count > 0);
            let character = character.ok_or("\\u names no character")?;
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(1 + count);
        }
        _ => {
            // bash keeps the backslash of what it does not know.
            out.push(b'\\');
            return Ok(0);
        }
    };
    out.push(simple);
    Ok(1)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// What bash makes of it.
    fn bash(command: &str) -> Option<Vec<String>> {
        let script = format!("f() {{ [ $# = 0 ] || printf '%s\\0' \"$@\"; }}; f {command}");
        let done = Command::new("bash")
            .args(["--norc", "-c", &script])
            .output()
            .unwrap();
        let text = String::from_utf8(done.stdout).ok()?;
        let words = text.strip_suffix('\0').map_or_else(Vec::new, |text| {
            text.split('\0').map(str::to_owned).collect()
        });
        done.status.success().then_some(words)
    }

    #[test]
    fn words_are_those_of_bash() {
        for command in [
            "curl 'http://a/?b=c&d=e' -H 'A: b'",
            "a \\\n  b",
            "$'it\\'s' $'a\\n\\tb' $'\\u00e9\\x41\\101\\U1F600' $'\\\\' $''",
            "x$'y'z\"a b\"'c d'e\\ f",
            "\"a \\\"b\\\" \\\\ 'c'\"",
            "$'\\q\\e\\a'",
            "'$HOME' '`x`' '#' a#b",
        ] {
            assert_eq!(Some(words(command).unwrap()), bash(command), "{command}");
        }
    }

    #[test]
    fn lines_may_end_with_crlf() {
        let command = "curl 'http://a/' \\\r\n  -H 'A: b' \\\r\n  -k\r\n";
        let expected = ["curl", "http://a/", "-H", "A: b", "-k"];
        assert_eq!(words(command).unwrap(), expected);
    }

    #[test]
    fn what_a_shell_would_do_is_refused() {
        for (command, said) in [
            ("a 'b", "not closed"),
            ("a \"b", "not closed"),
            ("a $'b", "not closed"),
            ("a $'b\\", "not closed"),
            ("a $HOME", "would replace"),
            ("a \"$(id)\"", "would replace"),
            ("a `id`", "would replace"),
            ("a; b", "is not in quotes"),
            ("a http://b/?c=d&e=f", "is not in quotes"),
            ("a > b", "is not in quotes"),
            ("a\nb", "is not in quotes"),
            ("a # b", "a comment"),
            ("a $'\\ud800'", "names no character"),
            ("a $'\\xff'", "not UTF-8"),
            ("a $'\\x'", "has no digits"),
            ("a $'\\0'", "NUL"),
        ] {
            let error = words(command).unwrap_err();
            assert!(error.contains(said), "{command}: {error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is taken means the same to bash.
        #[test]
        fn no_word_differs_from_those_of_bash(command in "([a-z ='\"\\\\\u{e9}]|\\$'|\\\\[nu0x'\"a4]|\n){0,14}") {
            if let Ok(words) = words(&command) {
                prop_assert_eq!(Some(words), bash(command.trim()));
            }
        }

        #[test]
        fn no_command_is_too_strange(command in "\\PC{0,40}") {
            let _ = words(&command);
        }
    }
}
