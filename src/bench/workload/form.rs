//! `-F`: content as `multipart/form-data` (RFC 7578), made once.

use std::fmt::Write as _;
use std::path::Path;

use crate::bench::input;
use crate::http::is_token;

/// A part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::bench) struct FormPart {
    name: String,
    file_name: Option<String>,
    content_type: Option<String>,
    content: Vec<u8>,
}

impl FormPart {
    /// `name=text`, `name=@file` or `name=<file`, with `;type=…` and `;filename=…` behind it.
    pub(in crate::bench) fn parse(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} has no =: write -F name=text, or -F name=@file"))?;
        let mut parts = split(value)?.into_iter();
        let value = parts.next().unwrap_or_default();
        let mut part = Self::text(name, "");
        for attribute in parts {
            match attribute
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()))
            {
                Some(("type", value)) => part.content_type = Some(media_type(value)?),
                Some(("filename", value)) => part.file_name = Some(value.to_owned()),
                _ => {
                    return Err(format!(
                        "{attribute:?} is neither type= nor filename=: put text with a semicolon into double quotes"
                    ));
                }
            }
        }
        if let Some(file) = value.strip_prefix('@') {
            let base = Path::new(file).file_name();
            let base = base.map(|name| name.to_string_lossy().into_owned());
            part.file_name = part.file_name.or(base);
            part.content_type
                .get_or_insert_with(|| "application/octet-stream".to_owned());
            part.content = read(file)?;
        } else if let Some(file) = value.strip_prefix('<') {
            part.content = read(file)?;
        } else {
            part.content = value.into_bytes();
        }
        Ok(part)
    }

    /// Text, whatever characters it has.
    pub(super) fn text(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            file_name: None,
            content_type: None,
            content: text.as_bytes().to_vec(),
        }
    }

    fn write(&self, boundary: &str, out: &mut Vec<u8>) {
        let name = escaped(&self.name);
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        if let Some(file_name) = &self.file_name {
            let _ = write!(head, "; filename=\"{}\"", escaped(file_name));
        }
        if let Some(content_type) = &self.content_type {
            let _ = write!(head, "\r\nContent-Type: {content_type}");
        }
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&self.content);
        out.extend_from_slice(b"\r\n");
    }
}

/// The content of a form, and its type.
pub(in crate::bench) fn encode(parts: &[FormPart]) -> (Vec<u8>, String) {
    // RFC 2046 section 5.1.1: the boundary is not in any part. The same form gets the same one in each run.
    let mut numbers = (0_u64..).map(|number| format!("hullo-{number:016x}"));
    let is_free = |boundary: &String| {
        let has =
            |part: &FormPart| memchr::memmem::find(&part.content, boundary.as_bytes()).is_some();
        !parts.iter().any(has)
    };
    let boundary = numbers.find(is_free).unwrap_or_default();
    let mut content = Vec::new();
    for part in parts {
        part.write(&boundary, &mut content);
    }
    content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (content, format!("multipart/form-data; boundary={boundary}"))
}

/// At semicolons, except in double quotes, which are removed.
fn split(value: &str) -> Result<Vec<String>, String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut is_quoted, mut was_quoted) = (false, false);
    let mut characters = value.chars();
    while let Some(next) = characters.next() {
        match next {
            '\\' if is_quoted => part.extend(characters.next()),
            '"' if is_quoted => (is_quoted, was_quoted) = (false, true),
            '"' if !was_quoted && is_start(&part, parts.is_empty()) => is_quoted = true,
            ';' if !is_quoted => {
                parts.push(std::mem::take(&mut part));
                was_quoted = false;
            }
            _ => part.push(next),
        }
    }
    if is_quoted {
        return Err("a double quote is not closed".to_owned());
    }
    parts.push(part);
    Ok(parts)
}

/// A quotation mark opens at the start of a value only: `"text"`, `@"file"`, `filename="name"`.
fn is_start(part: &str, is_first: bool) -> bool {
    if is_first {
        ["", "@", "<"].contains(&part)
    } else {
        part.ends_with('=')
    }
}

fn media_type(text: &str) -> Result<String, String> {
    let essence = text.split(';').next().unwrap_or_default();
    let pair = essence.split_once('/');
    let is_good = pair.is_some_and(|(kind, name)| is_token(kind) && is_token(name.trim_end()));
    if is_good && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is not a media type: write one such as image/png"
        ))
    }
}

/// The HTML standard, "multipart form data": these characters would end the name.
fn escaped(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Content from a file.
pub(super) fn read(file: &str) -> Result<Vec<u8>, String> {
    let bytes = input::read(file, input::CONTENT_BYTES_MAX);
    bytes.map_err(|error| format!("cannot read {file}: {error}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(parts: &[&str]) -> String {
        let parts: Vec<FormPart> = parts
            .iter()
            .map(|part| FormPart::parse(part).unwrap())
            .collect();
        String::from_utf8(encode(&parts).0).unwrap()
    }

    #[test]
    fn a_form_has_a_part_for_each_value() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE");
        let license = std::fs::read_to_string(file).unwrap();
        let text = encoded(&[
            "a=b=c",
            "x\"y=text;type=text/plain",
            &format!("file=@{file};type=image/png"),
            &format!("other=@{file};filename=\"n\\\"a;me\""),
            &format!("content=<{file}"),
            "quoted=\"a;b\"",
        ]);
        let line = |rest: &str| {
            format!("--hullo-0000000000000000\r\nContent-Disposition: form-data; {rest}\r\n")
        };
        let expected = [
            line("name=\"a\"\r\n\r\nb=c"),
            line("name=\"x%22y\"\r\nContent-Type: text/plain\r\n\r\ntext"),
            line(&format!(
                "name=\"file\"; filename=\"LICENSE\"\r\nContent-Type: image/png\r\n\r\n{license}"
            )),
            line(&format!(
                "name=\"other\"; filename=\"n%22a;me\"\r\nContent-Type: application/octet-stream\r\n\r\n{license}"
            )),
            line(&format!("name=\"content\"\r\n\r\n{license}")),
            line("name=\"quoted\"\r\n\r\na;b"),
        ];
        assert_eq!(text, expected.concat() + "--hullo-0000000000000000--\r\n");
    }

    #[test]
    fn bad_parts_are_refused() {
        for (text, said) in [
            ("a", "has no ="),
            ("a=@/nowhere/at.all", "cannot read /nowhere/at.all"),
            ("a=b;c", "neither type= nor filename="),
            ("a=b;type=png", "not a media type"),
            ("a=b;type=a/b\r\nC: d", "not a media type"),
            ("a=\"b", "not closed"),
        ] {
            let error = FormPart::parse(text).unwrap_err();
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }

    proptest! {
        /// Whatever the parts hold: the boundary is between them only.
        #[test]
        fn the_boundary_is_in_no_part(texts in proptest::collection::vec("(hullo-0000000000000000|hullo-0000000000000001|[a-z\r\n-]){0,3}", 1..4)) {
            let parts: Vec<FormPart> = texts.iter().map(|text| FormPart::text("a", text)).collect();
            let (content, content_type) = encode(&parts);
            let boundary = content_type.split("boundary=").nth(1).unwrap();
            let text = String::from_utf8(content).unwrap();
            prop_assert_eq!(text.matches(boundary).count(), texts.len() + 1);
        }
    }
}
