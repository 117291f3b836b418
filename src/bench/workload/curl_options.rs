//! The options of curl that `--curl` knows.

/// What an option does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Method,
    Field,
    Data {
        has_files: bool,
        keeps_lines: bool,
    },
    Encoded,
    Json,
    Get,
    Form,
    FormText,
    Cookie,
    User,
    Agent,
    Referrer,
    Range,
    Insecure,
    Head,
    Compressed,
    Url,
    /// Without an effect on what is sent; with a value, or without.
    Silent,
    SilentValue,
    /// Left out, which the user is told.
    Told(&'static str),
    ToldValue(&'static str),
    Refused(&'static str),
}

const DATA: Action = Action::Data {
    has_files: true,
    keeps_lines: false,
};
const BINARY: Action = Action::Data {
    has_files: true,
    keeps_lines: true,
};
const RAW: Action = Action::Data {
    has_files: false,
    keeps_lines: true,
};

const TIME: Action = Action::ToldValue("use -t of hullo bench");
const TLS: Action = Action::Refused("give hullo bench --cacert, --cert or --key");
const PLACE: Action =
    Action::Refused("put the address into the URL, and the name into --host of hullo bench");

/// Options of curl: the letter, the word, and what it does.
pub(super) const OPTIONS: &[(char, &str, Action)] = &[
    ('X', "request", Action::Method),
    ('H', "header", Action::Field),
    ('d', "data", DATA),
    ('\0', "data-ascii", DATA),
    ('\0', "data-binary", BINARY),
    ('\0', "data-raw", RAW),
    ('\0', "data-urlencode", Action::Encoded),
    ('\0', "json", Action::Json),
    ('G', "get", Action::Get),
    ('F', "form", Action::Form),
    ('\0', "form-string", Action::FormText),
    ('b', "cookie", Action::Cookie),
    ('u', "user", Action::User),
    ('A', "user-agent", Action::Agent),
    ('e', "referer", Action::Referrer),
    ('r', "range", Action::Range),
    ('k', "insecure", Action::Insecure),
    ('I', "head", Action::Head),
    ('\0', "compressed", Action::Compressed),
    ('\0', "url", Action::Url),
    ('s', "silent", Action::Silent),
    ('S', "show-error", Action::Silent),
    ('v', "verbose", Action::Silent),
    ('i', "include", Action::Silent),
    ('\0', "show-headers", Action::Silent),
    ('f', "fail", Action::Silent),
    ('\0', "fail-with-body", Action::Silent),
    ('N', "no-buffer", Action::Silent),
    ('#', "progress-bar", Action::Silent),
    ('\0', "no-progress-meter", Action::Silent),
    ('g', "globoff", Action::Silent),
    ('O', "remote-name", Action::Silent),
    ('J', "remote-header-name", Action::Silent),
    ('o', "output", Action::SilentValue),
    ('D', "dump-header", Action::SilentValue),
    ('w', "write-out", Action::SilentValue),
    (
        'c',
        "cookie-jar",
        Action::ToldValue("use --cookies of hullo bench"),
    ),
    ('\0', "stderr", Action::SilentValue),
    ('\0', "http1.1", Action::Silent),
    ('\0', "basic", Action::Silent),
    ('\0', "http2", Action::Told("hullo bench sends HTTP/1.1")),
    ('L', "location", Action::Told("redirects are not followed")),
    ('\0', "path-as-is", Action::Silent),
    ('m', "max-time", TIME),
    ('\0', "connect-timeout", TIME),
    ('\0', "retry", Action::ToldValue("nothing is retried")),
    (
        '0',
        "http1.0",
        Action::Refused("hullo bench sends HTTP/1.1"),
    ),
    (
        '\0',
        "http2-prior-knowledge",
        Action::Refused("hullo bench sends HTTP/1.1"),
    ),
    ('\0', "http3", Action::Refused("hullo bench sends HTTP/1.1")),
    (
        '\0',
        "http3-only",
        Action::Refused("hullo bench sends HTTP/1.1"),
    ),
    (
        'x',
        "proxy",
        Action::Refused("the benchmark would measure the proxy"),
    ),
    (
        '\0',
        "unix-socket",
        Action::Refused("give hullo bench --unix-socket"),
    ),
    ('\0', "resolve", PLACE),
    ('\0', "connect-to", PLACE),
    ('E', "cert", TLS),
    ('\0', "key", TLS),
    ('\0', "cacert", TLS),
    (
        'T',
        "upload-file",
        Action::Refused("write -X PUT --data-binary @FILE"),
    ),
    (
        'K',
        "config",
        Action::Refused("write its options into the command"),
    ),
    (
        ':',
        "next",
        Action::Refused("give one request, or write several into a --request-file"),
    ),
    (
        '\0',
        "digest",
        Action::Refused("only basic authentication is the same for each request"),
    ),
    (
        '\0',
        "ntlm",
        Action::Refused("only basic authentication is the same for each request"),
    ),
    (
        '\0',
        "negotiate",
        Action::Refused("only basic authentication is the same for each request"),
    ),
];

impl Action {
    pub(super) fn has_value(self) -> bool {
        !matches!(
            self,
            Self::Get
                | Self::Insecure
                | Self::Head
                | Self::Compressed
                | Self::Silent
                | Self::Told(_)
                | Self::Refused(_)
        )
    }
}
