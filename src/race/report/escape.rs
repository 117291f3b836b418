//! Text from outside, made harmless.

/// A line that moves no cursor, turns no writing around, and is well-formed XML.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if is_obeyed(c) { '\u{fffd}' } else { c })
        .collect()
}

/// A cell of a table in Markdown.
pub(in crate::race) fn cell(text: &str) -> String {
    markdown(&clean(text))
}

/// A block of lines: what ends a line and a tab stay.
pub(super) fn clean_block(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| {
            let parts: Vec<String> = line.split('\t').map(clean).collect();
            parts.join("\t")
        })
        .collect();
    lines.join("\n")
}

fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        // What turns the direction of writing.
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// For a line or a cell of Markdown.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(
            c,
            '\\' | '|' | '<' | '>' | '&' | '*' | '_' | '`' | '[' | ']' | '~' | '#' | '$'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// For an element or an attribute of HTML and SVG.
pub(super) fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A word as a shell reads it back.
pub(super) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_obeyed_goes() {
        assert_eq!(
            clean("a\x1b[31mb\nc\u{202e}d\u{7f}"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}d\u{fffd}"
        );
        assert_eq!(clean("größer 日本"), "größer 日本");
        assert_eq!(clean_block("a\n\tb\x07"), "a\n\tb\u{fffd}");
    }

    #[test]
    fn each_form_has_its_own_signs() {
        assert_eq!(markdown("a|b <i> *x*"), r"a\|b \<i\> \*x\*");
        assert_eq!(xml(r#"<a b="c">&'"#), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
        assert_eq!(shell("--port=80"), "--port=80");
        assert_eq!(shell("it's {port}"), r"'it'\''s {port}'");
        assert_eq!(shell(""), "''");
    }
}
