//! The file of `--request-file`: JSON, a request per line.

use std::fmt;
use std::path::Path;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::template::{Content, Spec};
use crate::bench::expect::Statuses;
use crate::bench::input::{self, CONTENT_BYTES_MAX, FILE_BYTES_MAX};
use crate::bench::request;
use crate::bench::url::check_path;
use crate::terminal::clean;
use crate::units;

/// The sum of all weights has to fit a number.
const WEIGHT_MAX: u64 = 1_000_000_000;

/// What the flags say about all requests. A line may say otherwise.
#[derive(Clone, Debug, Default)]
pub(in crate::bench) struct Defaults {
    pub(in crate::bench) host: String,
    pub(in crate::bench) fields: Vec<(String, String)>,
    pub(in crate::bench) closes: bool,
    pub(in crate::bench) statuses: Option<Statuses>,
    pub(in crate::bench) content_type: Option<String>,
}

/// A line of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object, as {\"path\": \"/\"}")]
struct Line {
    path: String,
    name: Option<String>,
    method: Option<String>,
    #[serde(default)]
    fields: Fields,
    content: Option<String>,
    file: Option<String>,
    size: Option<Value>,
    weight: Option<Value>,
    expect: Option<Expectation>,
    placeholders: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object, as {\"status\": 200}")]
struct Expectation {
    status: Option<Value>,
    body: Option<String>,
}

/// Names and values in the order of the file; a name may come twice.
#[derive(Debug, Default)]
struct Fields(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and values, as {\"Accept\": \"text/html\"}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    let field = request::field(&format!("{name}: {value}"));
                    let (name, value) = field.map_err(de::Error::custom)?;
                    if name.eq_ignore_ascii_case("connection") {
                        return Err(de::Error::custom(
                            "connections are for all requests: use --disable-keepalive, or --requests-per-connection",
                        ));
                    }
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// Reads the file. Paths in it are relative to its folder.
pub(in crate::bench) fn read(path: &Path, defaults: &Defaults) -> Result<Vec<Spec>, String> {
    let name = clean(&path.display().to_string());
    let bytes = input::read(path, FILE_BYTES_MAX);
    let bytes = bytes.map_err(|error| format!("cannot read {name}: {error}"))?;
    parse(
        &name,
        &bytes,
        path.parent().unwrap_or(Path::new("")),
        defaults,
    )
}

fn parse(
    name: &str,
    bytes: &[u8],
    folder: &Path,
    defaults: &Defaults,
) -> Result<Vec<Spec>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut specs = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let at = format!("{name}:{number}");
        let spec = spec(line, &at, folder, defaults);
        specs.push(spec.map_err(|error| format!("{at}: {}", clean(&error)))?);
    }
    if specs.is_empty() {
        return Err(format!(
            "{name} has no request: write one per line, as {{\"path\": \"/\"}}"
        ));
    }
    Ok(specs)
}

fn spec(line: &[u8], at: &str, folder: &Path, defaults: &Defaults) -> Result<Spec, String> {
    // An array of values would be taken for the members of an object, in their order.
    if line.starts_with(b"[") {
        return Err(
            "a list: write each request on a line of its own, as {\"path\": \"/\"}, without [ ] and commas around them"
                .to_owned(),
        );
    }
    let line: Line = serde_json::from_slice(line).map_err(|error| fault(&error))?;
    if !line.path.starts_with('/') {
        let path = &line.path;
        return Err(format!(
            "the path {path:?} does not begin with /: the server is that of the URL on the command line"
        ));
    }
    check_path(&line.path)?;
    let content = content(&line, folder)?;
    let expect = line.expect.as_ref();
    let statuses = expect.and_then(|expect| expect.status.as_ref());
    let statuses = statuses
        .map(|value| Statuses::parse(&text(value)))
        .transpose()?;
    let mut spec = Spec {
        at: at.to_owned(),
        name: line
            .name
            .filter(|name| !name.is_empty())
            .map(|name| clean(&name)),
        method: request::method(line.method.as_deref().unwrap_or("GET"))?,
        path: line.path,
        host: defaults.host.clone(),
        fields: line.fields.0,
        content,
        closes: defaults.closes,
        is_literal: line.placeholders == Some(false),
        weight: weight(line.weight.as_ref())?,
        statuses: statuses.or_else(|| defaults.statuses.clone()),
        body: line.expect.and_then(|expect| expect.body),
    };
    if spec.method == "HEAD" && spec.body.is_some() {
        return Err("the answer to HEAD has no body to expect".to_owned());
    }
    let mut more = defaults.fields.clone();
    let content_type = defaults.content_type.as_ref();
    if let Some(value) = content_type.filter(|_| !spec.content.is_empty()) {
        more.push(("Content-Type".to_owned(), value.clone()));
    }
    more.retain(|(name, _)| !spec.has_field(name));
    spec.fields.extend(more);
    Ok(spec)
}

fn content(line: &Line, folder: &Path) -> Result<Content, String> {
    Ok(match (&line.content, &line.file, &line.size) {
        (None, None, None) => Content::default(),
        (Some(text), None, None) => Content::Text(text.clone()),
        (None, Some(file), None) => {
            let path = folder.join(file);
            let bytes = input::read(&path, CONTENT_BYTES_MAX);
            Content::Bytes(
                bytes.map_err(|error| format!("cannot read {}: {error}", path.display()))?,
            )
        }
        (None, None, Some(size)) => {
            let bytes = units::bytes(&text(size)).map_err(|error| format!("\"size\": {error}"))?;
            if bytes > CONTENT_BYTES_MAX {
                return Err("\"size\": at most 1GiB".to_owned());
            }
            Content::Bytes(vec![b'x'; bytes as usize])
        }
        _ => return Err("give one of \"content\", \"file\" and \"size\"".to_owned()),
    })
}

fn weight(value: Option<&Value>) -> Result<u64, String> {
    let Some(value) = value else {
        return Ok(1);
    };
    let weight = value
        .as_u64()
        .filter(|weight| (1..=WEIGHT_MAX).contains(weight));
    weight
        .ok_or_else(|| format!("\"weight\" is {value}, not a whole number from 1 to {WEIGHT_MAX}"))
}

/// A number may be written with or without quotation marks.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Without the line number, which is that within the line.
fn fault(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = said.strip_suffix(&place).unwrap_or(&said);
    if error.is_eof() {
        return format!("{said}: write the whole request on one line");
    }
    if error.is_syntax() {
        return format!(
            "{said} at column {}: write JSON, as {{\"path\": \"/\"}}",
            error.column()
        );
    }
    said.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bench::workload::{Composer, InFlight, Workload};

    /// The requests that a file makes, each once or more.
    fn requests(bytes: &[u8]) -> Result<Vec<String>, String> {
        let specs = parse("r", bytes, Path::new("/nowhere"), &Defaults::default())?;
        let workload = Workload::new(&specs, None, 1, false)?;
        let (mut composer, mut flight) = (Composer::new(&workload, 0, 1), InFlight::default());
        let one = |_| {
            composer.compose(&workload, 1, &mut flight);
            let batch = flight.batch(&workload);
            String::from_utf8_lossy(batch.bytes(0, batch.start(1))).into_owned()
        };
        Ok((0..8).map(one).collect())
    }

    #[test]
    fn lines_are_requests_and_comments_are_not() {
        let text = "\u{feff}# first\r\n\r\n  {\"path\":\"/a\"}  \r\n# last";
        let requests = requests(text.as_bytes()).unwrap();
        assert!(
            requests[0].starts_with("GET /a HTTP/1.1\r\n"),
            "{requests:?}"
        );
    }

    proptest! {
        /// Any bytes: an error that names a line, or requests.
        #[test]
        fn any_bytes_are_refused_with_a_line_or_taken(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Err(error) = requests(&bytes) {
                prop_assert!(error.starts_with("r:") || error.starts_with("r has no request"), "{}", error);
                prop_assert!(!error.contains(char::is_control));
            }
        }

        /// Nearly right lines: whatever is taken is one request, framed as its fields say.
        #[test]
        fn what_is_taken_is_framed(
            members in proptest::collection::vec((
                "(path|method|fields|content|size|weight|name|expect|placeholders|file)",
                "(\"[ -~]{0,8}\"|\"/[a-z{}:]{0,6}\"|\"/\\{seq\\}\"|\"\\{uuid\\}\\\\r\\\\n\\\\r\\\\nGET / HTTP/1.1\"|[0-9]{1,3}|true|false|null|\\{\"[A-Za-z]{1,3}\": ?\"[ -~]{0,6}\"\\}|\\{\"a\": \"b\\\\r\\\\nc: d\"\\})",
            ), 0..5),
        ) {
            let member = |(name, value): &(String, String)| format!(", \"{name}\": {value}");
            let line = format!("{{\"path\": \"/x\"{}}}", members.iter().map(member).collect::<String>());
            // A later path would be a second one.
            let line = if members.iter().any(|member| member.0 == "path") { line.replacen("\"path\": \"/x\", ", "", 1) } else { line };
            for request in requests(line.as_bytes()).unwrap_or_default() {
                let (head, content) = request.split_once("\r\n\r\n").unwrap();
                let lengths = head.split("\r\n").filter_map(|line| line.strip_prefix("Content-Length: "));
                let lengths: Vec<usize> = lengths.map(|length| length.parse().unwrap()).collect();
                prop_assert!(lengths == [content.len()] || lengths.is_empty() && content.is_empty(), "{:?}", request);
                prop_assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{:?}", request);
                prop_assert!(head.lines().next().unwrap().ends_with(" HTTP/1.1"));
            }
        }
    }
}
