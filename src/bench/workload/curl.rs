//! `--curl`: the request of a curl command, as "copy as cURL" of Chrome and Firefox writes it.
//!
//! Options that decide what is sent are carried out, those that only concern curl's output are left out, and those
//! that `hullo bench` cannot carry out are refused by name, so that no other request is measured than was meant.

use std::io;

use super::curl_options::{Action, action};
use super::form::{self, FormPart, encode};
use super::shell::words;
use super::template::Content;
use crate::bench::{input, request};

/// The request of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::bench) struct Curl {
    pub(in crate::bench) url: String,
    pub(in crate::bench) method: String,
    pub(in crate::bench) fields: Vec<(String, String)>,
    pub(in crate::bench) content: Content,
    pub(in crate::bench) insecure: bool,
    /// It was read from standard input.
    pub(in crate::bench) is_from_stdin: bool,
    /// What was left out, for the user to know.
    pub(in crate::bench) notes: Vec<String>,
}

/// A longer command is refused.
const COMMAND_BYTES_MAX: u64 = 16 << 20;

impl Curl {
    /// From a command, from a file with `@FILE`, or from standard input with `-`.
    pub(in crate::bench) fn read(text: &str) -> Result<Self, String> {
        let (name, bytes) = if let Some(file) = text.strip_prefix('@') {
            (file, input::read(file, COMMAND_BYTES_MAX))
        } else if text == "-" {
            let input = input::read_from(io::stdin().lock(), COMMAND_BYTES_MAX);
            ("the command", input)
        } else {
            return Self::parse(text);
        };
        let bytes = bytes.map_err(|error| format!("cannot read {name}: {error}"))?;
        let command = String::from_utf8(bytes);
        let command = command.map_err(|_| format!("cannot read {name}: it is not UTF-8"))?;
        Ok(Self {
            is_from_stdin: text == "-",
            ..Self::parse(&command)?
        })
    }

    fn parse(command: &str) -> Result<Self, String> {
        if command.contains("^\"") || command.trim_start().starts_with("Invoke-") {
            return Err(
                "this is for the shell of Windows: choose \"Copy as cURL (bash)\" or \"(POSIX)\""
                    .to_owned(),
            );
        }
        let mut words = words(command)?.into_iter();
        let first = words.next().unwrap_or_default();
        if first.rsplit('/').next() != Some("curl") {
            return Err(format!("it begins with {first:?}, not with curl"));
        }
        let mut reading = Reading::default();
        let mut only_urls = false;
        while let Some(word) = words.next() {
            if only_urls || !word.starts_with('-') || word == "-" {
                reading.url(word)?;
            } else if word == "--" {
                only_urls = true;
            } else if word.starts_with("--") {
                let action = action(&word).ok_or_else(|| unknown(&word))?;
                let value = if action.has_value() {
                    words.next()
                } else {
                    Some(String::new())
                };
                reading.take(&word, action, &value.ok_or_else(|| no_value(&word))?)?;
            } else {
                reading.letters(&word, &mut words)?;
            }
        }
        reading.finish()
    }
}

fn unknown(option: &str) -> String {
    format!(
        "the option {option} of curl is not known to hullo bench: leave it out, or use a flag of hullo bench"
    )
}

fn no_value(option: &str) -> String {
    format!("{option} has no value")
}

/// The command, as far as it is read.
#[derive(Debug, Default)]
struct Reading {
    curl: Curl,
    method: Option<String>,
    is_head: bool,
    is_get: bool,
    data: Option<Vec<u8>>,
    /// Data from a file may look like a placeholder by chance.
    is_bytes: bool,
    form: Vec<FormPart>,
    cookies: Vec<String>,
    /// Without the defaults of curl for them.
    removed: Vec<String>,
}

impl Reading {
    /// `-sSX POST`, `-XPOST`.
    fn letters(
        &mut self,
        word: &str,
        words: &mut impl Iterator<Item = String>,
    ) -> Result<(), String> {
        let mut letters = word[1..].chars();
        while let Some(letter) = letters.next() {
            let name = format!("-{letter}");
            let action = action(&name).ok_or_else(|| unknown(&name))?;
            if !action.has_value() {
                self.take(&name, action, "")?;
                continue;
            }
            let rest = letters.as_str();
            let value = if rest.is_empty() {
                words.next()
            } else {
                Some(rest.to_owned())
            };
            return self.take(&name, action, &value.ok_or_else(|| no_value(&name))?);
        }
        Ok(())
    }

    fn take(&mut self, option: &str, action: Action, value: &str) -> Result<(), String> {
        match action {
            Action::Method => self.method = Some(value.to_owned()),
            Action::Field => self.field(value)?,
            Action::Data {
                has_files,
                keeps_lines,
            } => self.data(value, has_files, keeps_lines)?,
            Action::Encoded => {
                let encoded = url_encoded(value)?;
                self.join(encoded.into_bytes());
            }
            Action::Json => {
                self.data(value, true, true)?;
                for field in ["Content-Type", "Accept"] {
                    self.add_default(field, "application/json")?;
                }
            }
            Action::Get => self.is_get = true,
            Action::Form => self.form.push(FormPart::parse(value)?),
            Action::FormText => {
                let (name, text) = value
                    .split_once('=')
                    .ok_or_else(|| format!("{value:?} has no ="))?;
                self.form.push(FormPart::text(name, text));
            }
            Action::Cookie if !value.contains('=') => {
                return Err(format!(
                    "{option} {value}: a file of cookies is not read: write -b 'name=value'"
                ));
            }
            Action::Cookie => self.cookies.push(value.to_owned()),
            Action::User if !value.contains(':') => {
                return Err(format!(
                    "{option} {value}: there is no password: write USER:PASSWORD"
                ));
            }
            Action::User => {
                self.add_default("Authorization", &request::basic_credentials(value))?;
            }
            Action::Agent => self.add_default("User-Agent", value)?,
            Action::Referrer => self.add_default("Referer", value)?,
            Action::Range => self.add_default("Range", &format!("bytes={value}"))?,
            Action::Insecure => self.curl.insecure = true,
            Action::Head => self.is_head = true,
            Action::Compressed => self.add_default("Accept-Encoding", "deflate, gzip, br, zstd")?,
            Action::Url => self.url(value.to_owned())?,
            Action::Silent | Action::SilentValue => {}
            Action::Told(why) | Action::ToldValue(why) => {
                self.curl
                    .notes
                    .push(format!("{option} of the curl command was left out: {why}"));
            }
            Action::Refused(why) => {
                return Err(format!("{option} of curl is not carried out: {why}"));
            }
        }
        Ok(())
    }

    fn url(&mut self, url: String) -> Result<(), String> {
        if !self.curl.url.is_empty() {
            return Err(format!(
                "it has two URLs, {:?} and {url:?}: give one, in single quotes",
                self.curl.url
            ));
        }
        let url = if url.contains("://") {
            url
        } else {
            format!("http://{url}")
        };
        // Browsers write a backslash before what curl would take for a pattern. RFC 3986 section 2: a brace
        // cannot be in a URL.
        let pairs = [("\\[", "["), ("\\]", "]"), ("\\{", "%7B"), ("\\}", "%7D")];
        self.curl.url = pairs
            .iter()
            .fold(url, |url, (from, to)| url.replace(from, to));
        Ok(())
    }

    /// `Name: value`; `Name:` removes it, `Name;` is an empty one.
    fn field(&mut self, text: &str) -> Result<(), String> {
        if text.starts_with('@') {
            return Err(format!("-H {text}: fields are not read from a file"));
        }
        // Those of HTTP/2, as some tools write them.
        if text.starts_with(':') {
            return Ok(());
        }
        let (name, value) = match (text.split_once(':'), text.strip_suffix(';')) {
            (Some((name, value)), _) if value.trim().is_empty() => {
                self.removed.push(name.trim().to_owned());
                return Ok(());
            }
            (Some((name, value)), _) => (name.trim(), value.trim()),
            (None, Some(name)) => (name.trim(), ""),
            (None, None) => return Err(format!("-H {text:?} has no colon")),
        };
        // What is framed anew, and what every HTTP/1.1 client does anyway.
        let is_own =
            ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str());
        let is_default =
            name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("keep-alive");
        if !is_own && !is_default {
            self.curl
                .fields
                .push(request::field(&format!("{name}: {value}"))?);
        }
        Ok(())
    }

    /// A field that -H may replace, before or after.
    fn add_default(&mut self, name: &str, value: &str) -> Result<(), String> {
        let (name, value) = request::field(&format!("{name}: {value}"))?;
        self.curl.fields.push((format!("?{name}"), value));
        Ok(())
    }

    fn data(&mut self, value: &str, has_files: bool, keeps_lines: bool) -> Result<(), String> {
        let file = value.strip_prefix('@').filter(|_| has_files);
        let Some(file) = file else {
            self.join(value.as_bytes().to_vec());
            return Ok(());
        };
        let mut bytes = form::read(file)?;
        if !keeps_lines {
            bytes.retain(|byte| !b"\r\n\0".contains(byte));
        }
        self.is_bytes = true;
        self.join(bytes);
        Ok(())
    }

    /// Several are one form.
    fn join(&mut self, bytes: Vec<u8>) {
        match &mut self.data {
            Some(data) => {
                data.push(b'&');
                data.extend(bytes);
            }
            None => self.data = Some(bytes),
        }
    }

    fn finish(mut self) -> Result<Curl, String> {
        if self.curl.url.is_empty() {
            return Err("it has no URL".to_owned());
        }
        if !self.form.is_empty() && self.data.is_some() {
            return Err("it has both a form (-F) and data (-d): curl refuses that, too".to_owned());
        }
        let has_content = !self.form.is_empty() || self.data.is_some();
        let method = match (self.is_head, self.is_get, has_content) {
            (true, _, _) => "HEAD",
            (false, false, true) => "POST",
            _ => "GET",
        };
        self.curl.method = request::method(self.method.as_deref().unwrap_or(method))?;
        if !self.cookies.is_empty() {
            self.add_default("Cookie", &self.cookies.join("; "))?;
        }
        self.add_default("Accept", "*/*")?;
        if let Some(data) = self.data.take() {
            if self.is_get {
                let query =
                    String::from_utf8(data).map_err(|_| "the data for the query is not UTF-8")?;
                // RFC 9110 section 7.1: a fragment is not sent, and what follows it would be lost with it.
                let url = self.curl.url.split('#').next().unwrap_or_default();
                let mark = if url.contains('?') { '&' } else { '?' };
                self.curl.url = format!("{url}{mark}{query}");
            } else {
                self.add_default("Content-Type", "application/x-www-form-urlencoded")?;
                self.curl.content = match String::from_utf8(data) {
                    Ok(text) if !self.is_bytes => Content::Text(text),
                    Ok(text) => Content::Bytes(text.into_bytes()),
                    Err(error) => Content::Bytes(error.into_bytes()),
                };
            }
        } else if !self.form.is_empty() {
            let (content, content_type) = encode(&self.form);
            self.add_default("Content-Type", &content_type)?;
            self.curl.content = Content::Bytes(content);
        }
        Ok(self.with_fields())
    }

    /// Each default, unless -H or an earlier default has the same name.
    fn with_fields(self) -> Curl {
        let mut fields: Vec<(String, String)> = Vec::new();
        let (defaults, given): (Vec<_>, Vec<_>) = self
            .curl
            .fields
            .into_iter()
            .partition(|field| field.0.starts_with('?'));
        fields.extend(given);
        for (name, value) in defaults {
            let name = name.trim_start_matches('?').to_owned();
            let is_same = |other: &String| other.eq_ignore_ascii_case(&name);
            if !fields.iter().any(|field| is_same(&field.0)) && !self.removed.iter().any(is_same) {
                fields.push((name, value));
            }
        }
        Curl {
            fields,
            ..self.curl
        }
    }
}

/// `--data-urlencode`: `text`, `=text`, `name=text`, `@file`, `name@file`.
fn url_encoded(value: &str) -> Result<String, String> {
    let encode = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
    let at = value.find(['=', '@']);
    let (name, rest, is_file) = match at {
        Some(at) => (
            &value[..at],
            &value[at + 1..],
            value.as_bytes().get(at) == Some(&b'@'),
        ),
        None => ("", value, false),
    };
    let encoded = if is_file {
        encode(&form::read(rest)?)
    } else {
        encode(rest.as_bytes())
    };
    Ok(if name.is_empty() {
        encoded
    } else {
        format!("{name}={encoded}")
    })
}
