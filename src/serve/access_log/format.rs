//! The lines of an access log.

use std::time::{Duration, UNIX_EPOCH};

use httpdate::fmt_http_date;

use super::peers::{Peers, Style};
use crate::http::{Exchange, Request, Version};

/// What a line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) enum Format {
    /// The Common Log Format.
    Common,
    /// The same, with `Referer` and `User-Agent`.
    #[default]
    Combined,
    /// A JSON object.
    Json,
}

/// The longest text of a peer that is logged whole: a request line within the default limits.
const TEXT_BYTES_MAX: usize = 8 * 1024 + 128;

/// Stands for the rest of a longer one.
const CUT: &[u8] = b"...";

/// Stands for what is not known.
const NONE: &[u8] = b"-";

impl Format {
    /// The one of that name.
    pub(in super::super) fn of(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.iter();
        names.find(|(own, _)| *own == name).map(|(_, it)| *it)
    }

    pub(in super::super) fn name(self) -> &'static str {
        let mut names = Self::NAMES.iter();
        names
            .find(|(_, it)| *it == self)
            .map_or("", |(name, _)| *name)
    }

    /// Their names.
    pub(in super::super) const NAMES: &[(&'static str, Self)] = &[
        ("common", Self::Common),
        ("combined", Self::Combined),
        ("json", Self::Json),
    ];

    /// How a byte is escaped that cannot stand for itself.
    const fn escape(self) -> &'static [u8] {
        match self {
            Self::Common | Self::Combined => b"\\x",
            Self::Json => b"\\u00",
        }
    }
}

/// Formats lines.
pub(super) struct Formatter {
    format: Format,
    peers: Peers,
    /// The second of the time below.
    second: Option<u64>,
    time: Vec<u8>,
    line: Vec<u8>,
}

impl Formatter {
    pub(super) fn new(format: Format) -> Self {
        let style = match format {
            Format::Common | Format::Combined => Style::Host,
            Format::Json => Style::HostAndPort,
        };
        Self {
            format,
            peers: Peers::new(style),
            second: None,
            time: Vec::new(),
            line: Vec::new(),
        }
    }

    /// The line of an exchange, with its line end.
    pub(super) fn line(&mut self, exchange: &Exchange<'_>) -> &[u8] {
        if self.second != Some(exchange.unix_seconds) {
            self.second = Some(exchange.unix_seconds);
            self.time = time(exchange.unix_seconds, self.format);
        }
        self.line.clear();
        match self.format {
            Format::Common | Format::Combined => self.text(exchange),
            Format::Json => self.json(exchange),
        }
        self.line.push(b'\n');
        &self.line
    }

    fn text(&mut self, exchange: &Exchange<'_>) {
        let line = &mut self.line;
        let or_none = |text: &[u8], line: &mut Vec<u8>| match text {
            b"" => line.extend_from_slice(NONE),
            text => push_escaped(line, text, Format::Combined),
        };
        or_none(self.peers.text(exchange.peer), line);
        line.extend_from_slice(b" - - [");
        line.extend_from_slice(&self.time);
        line.extend_from_slice(b"] \"");
        or_none(exchange.request_line, line);
        line.extend_from_slice(b"\" ");
        match exchange.status {
            Some(status) => push_number(line, status.code().into()),
            None => line.extend_from_slice(NONE),
        }
        line.push(b' ');
        push_number(line, exchange.content_bytes);
        if self.format == Format::Combined {
            for name in ["Referer", "User-Agent"] {
                let value = exchange.request.and_then(|request| request.field(name));
                line.extend_from_slice(b" \"");
                or_none(value.unwrap_or_default(), line);
                line.push(b'"');
            }
        }
    }

    fn json(&mut self, exchange: &Exchange<'_>) {
        let line = &mut self.line;
        line.extend_from_slice(b"{\"time\":\"");
        line.extend_from_slice(&self.time);
        line.push(b'"');
        let peer = self.peers.text(exchange.peer);
        push_text(line, "peer", Some(peer).filter(|peer| !peer.is_empty()));
        match &exchange.request {
            Some(request) => push_request(line, request),
            None => push_text(line, "request_line", Some(exchange.request_line)),
        }
        if let Some(status) = exchange.status {
            push_member(line, "status");
            push_number(line, status.code().into());
        }
        push_member(line, "bytes");
        push_number(line, exchange.content_bytes);
        push_member(line, "complete");
        line.extend_from_slice(if exchange.is_complete {
            b"true"
        } else {
            b"false"
        });
        push_member(line, "service_us");
        push_number(line, exchange.duration.as_micros() as u64);
        if let Some(request) = &exchange.request {
            for (key, name) in [
                ("referer", "Referer"),
                ("user_agent", "User-Agent"),
                ("x_forwarded_for", "X-Forwarded-For"),
            ] {
                push_text(line, key, request.field(name));
            }
        }
        if let Some(reject) = exchange.reject {
            push_text(
                line,
                "refused",
                Some(reject.sentence().trim_end().as_bytes()),
            );
        }
        line.push(b'}');
    }
}

fn push_request(line: &mut Vec<u8>, request: &Request<'_>) {
    push_text(line, "method", Some(request.method_token().as_bytes()));
    push_text(line, "target", Some(request.target()));
    push_member(line, "version");
    line.extend_from_slice(match request.version() {
        Version::Http10 => b"\"HTTP/1.0\"",
        Version::Http11 => b"\"HTTP/1.1\"",
    });
    push_text(line, "host", request.field("Host"));
}

fn push_member(line: &mut Vec<u8>, key: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(key.as_bytes());
    line.extend_from_slice(b"\":");
}

/// A member whose value is a string, if it is known.
fn push_text(line: &mut Vec<u8>, key: &str, value: Option<&[u8]>) {
    if let Some(value) = value {
        push_member(line, key);
        line.push(b'"');
        push_escaped(line, value, Format::Json);
        line.push(b'"');
    }
}

fn push_number(line: &mut Vec<u8>, number: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The bytes that stand for themselves: visible ASCII and the space, but for those that end a quotation or
/// begin an escape. So a peer can neither forge a line, nor send an escape sequence to the terminal of who
/// reads it.
static IS_PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        table[byte as usize] = byte != b'"' && byte != b'\\';
        byte += 1;
    }
    table
};

fn push_escaped(line: &mut Vec<u8>, text: &[u8], format: Format) {
    let mut rest = text.get(..TEXT_BYTES_MAX).unwrap_or(text);
    while let Some(at) = rest.iter().position(|&byte| !IS_PLAIN[usize::from(byte)]) {
        let (plain, special) = rest.split_at(at);
        line.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else {
            return;
        };
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            _ => {
                line.extend_from_slice(format.escape());
                let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                line.extend_from_slice(&[digit(byte >> 4), digit(byte & 0xF)]);
            }
        }
        rest = after;
    }
    line.extend_from_slice(rest);
    if text.len() > TEXT_BYTES_MAX {
        line.extend_from_slice(CUT);
    }
}

/// A time as the format has it, in UTC.
fn time(unix_seconds: u64, format: Format) -> Vec<u8> {
    // Fri, 09 Sep 2016 01:46:40 GMT. It panics after the year 9999.
    let seconds = unix_seconds.min(253_402_300_799);
    let date = fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    let part = |from: usize, to: usize| date.get(from..to).unwrap_or_default();
    let (day, month, year, clock) = (part(5, 7), part(8, 11), part(12, 16), part(17, 25));
    let text = match format {
        Format::Common | Format::Combined => format!("{day}/{month}/{year}:{clock} +0000"),
        Format::Json => {
            const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
            let number = MONTHS.find(month).map_or(0, |at| at / 3 + 1);
            format!("{year}-{number:02}-{day}T{clock}Z")
        }
    };
    text.into_bytes()
}
