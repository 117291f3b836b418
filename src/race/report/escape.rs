//! Text from outside, made harmless for each form.

pub(super) use crate::terminal::{clean, clean_block};

/// A cell of a table in Markdown.
pub(in crate::race) fn cell(text: &str) -> String {
    markdown(&clean(text))
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
    fn each_form_has_its_own_signs() {
        assert_eq!(markdown("a|b <i> *x*"), r"a\|b \<i\> \*x\*");
        assert_eq!(xml(r#"<a b="c">&'"#), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;");
        assert_eq!(shell("--port=80"), "--port=80");
        assert_eq!(shell("it's {port}"), r"'it'\''s {port}'");
        assert_eq!(shell(""), "''");
    }
}
