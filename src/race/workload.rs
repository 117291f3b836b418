//! What is requested, besides the path: the same for all servers, and for each load generator.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use clap::Args;

use super::record::Request;
use crate::bench::{check_requests, field};
use crate::http::is_token;

/// Content that the record holds, and that is compared byte by byte when a race is resumed.
const CONTENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The flags of the requests, those of `hullo bench`.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct RequestOptions {
    /// Request method [default: GET]
    #[arg(short, long, value_name = "METHOD", value_parser = method)]
    method: Option<String>,

    /// Request header field, as 'Name: value'; can be repeated
    #[arg(short = 'H', long = "header", value_name = "FIELD", value_parser = field)]
    fields: Vec<(String, String)>,

    /// Host header field. Over https also the name that certificates must be for, and that is sent to the servers
    /// (SNI) [default: from the URL, or the address of a command]
    #[arg(long, value_name = "NAME")]
    pub(super) host: Option<String>,

    /// Request content
    #[arg(short = 'd', long, value_name = "TEXT", allow_hyphen_values = true)]
    data: Option<String>,

    /// Request content from a file
    #[arg(short = 'D', long, value_name = "FILE", conflicts_with = "data")]
    data_file: Option<PathBuf>,

    /// Content-Type header field [default: text/html, with content]
    #[arg(short = 'T', long, value_name = "TYPE")]
    content_type: Option<String>,

    /// Requests that differ from each other, from a file of hullo bench (--generator hullo only). How servers
    /// answer them is not compared
    #[arg(long, value_name = "FILE", conflicts_with_all = ["method", "data", "data_file", "path"])]
    request_file: Option<PathBuf>,

    /// Values for the requests of --request-file, as for hullo bench
    #[arg(long, value_name = "FILE", requires = "request_file")]
    csv: Option<PathBuf>,
}

/// A request without its path and `Host`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Workload {
    pub(super) method: String,
    /// The value of `Host`, if not that of the URL.
    pub(super) host: Option<String>,
    /// Also `Content-Type`, if there is one.
    fields: Vec<(String, String)>,
    content: Vec<u8>,
    /// A file with the content, for a generator.
    file: Option<PathBuf>,
    /// Other requests, with their paths. The content is then that of the file.
    request_file: Option<PathBuf>,
    csv: Option<PathBuf>,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            host: None,
            fields: Vec::new(),
            content: Vec::new(),
            file: None,
            request_file: None,
            csv: None,
        }
    }
}

impl Workload {
    pub(super) fn of(options: &RequestOptions) -> Result<Self, String> {
        let content = match (
            &options.data,
            options.data_file.as_ref().or(options.request_file.as_ref()),
        ) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(path)) => {
                fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?
            }
            (None, None) => Vec::new(),
        };
        if content.len() > CONTENT_BYTES_MAX {
            let most = CONTENT_BYTES_MAX / 1024 / 1024;
            return Err(format!("the request content has more than {most} MiB"));
        }
        let mut fields = options.fields.clone();
        let has_type = |name: &str| name.eq_ignore_ascii_case("content-type");
        // As hey and hullo bench do.
        let has_content = !content.is_empty() && options.request_file.is_none();
        let default = (has_content && !fields.iter().any(|(name, _)| has_type(name)))
            .then(|| "text/html".to_owned());
        if let Some(kind) = options.content_type.clone().or(default) {
            fields.push(("Content-Type".to_owned(), kind));
        }
        Ok(Self {
            method: options.method.clone().unwrap_or("GET".to_owned()),
            host: options.host.clone(),
            fields,
            content,
            file: options.data_file.clone(),
            request_file: options.request_file.clone(),
            csv: options.csv.clone(),
        })
    }

    /// Whether the paths are in a file, and differ from request to request.
    pub(super) fn is_mixed(&self) -> bool {
        self.request_file.is_some()
    }

    /// What is wrong with the requests of a file, which otherwise only the load would tell.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.is_mixed() {
            check_requests(&self.arguments())?;
        }
        Ok(())
    }

    /// What a race with these requests does not see.
    pub(super) fn caution(&self) -> Option<&'static str> {
        self.is_mixed().then_some("Of the answers to the requests of a file, only the status was compared, and what the file expects (expect)")
    }

    /// Where the requests go.
    pub(super) fn url(&self, scheme: &str, authority: &str, path: &str) -> String {
        let path = if self.is_mixed() { "" } else { path };
        format!("{scheme}://{authority}{path}")
    }

    /// As it is recorded; none for a plain GET.
    pub(super) fn record(&self) -> Option<Request> {
        let host = self.host.iter().map(|host| format!("Host: {host}"));
        let lines = self.fields.iter();
        let lines = lines.map(|(name, value)| format!("{name}: {value}"));
        (*self != Self::default()).then(|| Request {
            method: self.method.clone(),
            fields: host.chain(lines).collect(),
            content_bytes: self.content.len() as u64,
            content: String::from_utf8(self.content.clone()).ok(),
            file: self
                .request_file
                .as_ref()
                .map(|path| path.display().to_string()),
        })
    }

    /// For `hullo bench` and hey, whose flags are the same letters. The name of the server is not in it.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut words = Vec::new();
        if self.method != "GET" {
            words.extend(["-m".to_owned(), self.method.clone()]);
        }
        for (name, value) in &self.fields {
            if name.eq_ignore_ascii_case("content-type") {
                words.extend(["-T".to_owned(), value.clone()]);
            } else {
                words.extend(["-H".to_owned(), format!("{name}: {value}")]);
            }
        }
        let files = [("--request-file", &self.request_file), ("--csv", &self.csv)];
        for (flag, path) in files {
            if let Some(path) = path {
                words.extend([flag.to_owned(), path.display().to_string()]);
            }
        }
        if self.is_mixed() {
            return words;
        }
        match (&self.file, std::str::from_utf8(&self.content)) {
            (Some(path), _) => words.extend(["-D".to_owned(), path.display().to_string()]),
            (None, Ok(text)) if !text.is_empty() => {
                words.extend(["-d".to_owned(), text.to_owned()]);
            }
            _ => {}
        }
        words
    }

    /// For wrk: statements of a script.
    pub(super) fn script(&self) -> String {
        let mut script = format!("wrk.method = {}\n", lua(self.method.as_bytes()));
        let host = self.host.iter().map(|host| ("Host", host));
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value));
        for (name, value) in host.chain(fields) {
            let (name, value) = (lua(name.as_bytes()), lua(value.as_bytes()));
            let _ = writeln!(script, "wrk.headers[{name}] = {value}");
        }
        if !self.content.is_empty() {
            let _ = writeln!(script, "wrk.body = {}", lua(&self.content));
        }
        script
    }

    /// The whole request. `fields`: field lines of the generator, for which the user may have others.
    pub(super) fn bytes(&self, path: &str, host: &str, fields: &str) -> Vec<u8> {
        let mut head = format!("{} {path} HTTP/1.1\r\n", self.method);
        let has = |wanted: &str| {
            let mut names = self.fields.iter().map(|(name, _)| name);
            names.any(|name| name.eq_ignore_ascii_case(wanted))
        };
        if !has("host") {
            let _ = write!(head, "Host: {host}\r\n");
        }
        for line in fields.split_inclusive('\n') {
            let name = line.split(':').next().unwrap_or_default();
            head += if has(name) { "" } else { line };
        }
        for (name, value) in &self.fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let content: &[u8] = if self.is_mixed() { &[] } else { &self.content };
        if !content.is_empty() {
            let _ = write!(head, "Content-Length: {}\r\n", content.len());
        }
        head += "\r\n";
        [head.as_bytes(), content].concat()
    }
}

/// A string of Lua, whatever its bytes.
fn lua(bytes: &[u8]) -> String {
    let mut text = "\"".to_owned();
    for byte in bytes {
        let _ = write!(text, "\\{byte:03}");
    }
    text + "\""
}

fn method(text: &str) -> Result<String, String> {
    if is_token(text) {
        Ok(text.to_owned())
    } else {
        Err("not a method: write a word such as POST".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(data: &str) -> Workload {
        Workload::of(&RequestOptions {
            method: Some("POST".to_owned()),
            fields: vec![("X-A".to_owned(), "b c".to_owned())],
            data: Some(data.to_owned()),
            ..RequestOptions::default()
        })
        .unwrap()
    }

    #[test]
    fn each_generator_gets_the_same_request() {
        let work = workload("a=1");
        assert_eq!(
            String::from_utf8(work.bytes("/p", "h:1", "Content-Type: x\r\nA: b\r\n")).unwrap(),
            "POST /p HTTP/1.1\r\nHost: h:1\r\nA: b\r\nX-A: b c\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\na=1"
        );
        assert_eq!(
            work.arguments(),
            [
                "-m",
                "POST",
                "-H",
                "X-A: b c",
                "-T",
                "text/html",
                "-d",
                "a=1"
            ]
        );
        let script = work.script();
        assert!(
            script.contains("wrk.body = \"\\097\\061\\049\""),
            "{script}"
        );
        let recorded = work.record().unwrap();
        assert_eq!(
            (recorded.content_bytes, recorded.content.as_deref()),
            (3, Some("a=1"))
        );
    }

    #[test]
    fn requests_of_a_file_are_for_hullo_bench() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"{\"path\": \"/a\"}\n").unwrap();
        let options = RequestOptions {
            request_file: Some(file.path().to_owned()),
            ..RequestOptions::default()
        };
        let work = Workload::of(&options).unwrap();
        let path = file.path().display().to_string();
        assert_eq!(
            work.arguments(),
            ["--request-file".to_owned(), path.clone()]
        );
        assert_eq!(work.url("http", "h:1", "/x"), "http://h:1");
        // What the probes ask for is a plain GET.
        assert_eq!(
            work.bytes("/x", "h", ""),
            b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"
        );
        let recorded = work.record().unwrap();
        assert_eq!((recorded.file, recorded.content_bytes), (Some(path), 15));
    }

    #[test]
    fn a_plain_get_adds_nothing() {
        let work = Workload::of(&RequestOptions::default()).unwrap();
        assert_eq!(work, Workload::default());
        assert!(work.arguments().is_empty() && work.record().is_none());
        assert_eq!(
            work.bytes("/", "h", ""),
            b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
        );
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        assert!(method("A B").is_err() && method("").is_err());
        assert!(field("no colon").is_err());
        let lost = RequestOptions {
            data_file: Some("/no/such/file".into()),
            ..RequestOptions::default()
        };
        assert!(Workload::of(&lost).unwrap_err().contains("/no/such/file"));
    }
}
