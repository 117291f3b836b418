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

/// The names of options as curl has them, and what they do.
const OPTIONS: &[(&str, Action)] = &[
    ("-X --request", Action::Method),
    ("-H --header", Action::Field),
    ("-d --data --data-ascii", DATA),
    ("--data-binary", BINARY),
    ("--data-raw", RAW),
    ("--data-urlencode", Action::Encoded),
    ("--json", Action::Json),
    ("-G --get", Action::Get),
    ("-F --form", Action::Form),
    ("--form-string", Action::FormText),
    ("-b --cookie", Action::Cookie),
    ("-u --user", Action::User),
    ("-A --user-agent", Action::Agent),
    ("-e --referer", Action::Referrer),
    ("-r --range", Action::Range),
    ("-k --insecure", Action::Insecure),
    ("-I --head", Action::Head),
    ("--compressed", Action::Compressed),
    ("--url", Action::Url),
    // Messages of curl, and where it writes what it receives.
    ("-s --silent -S --show-error -v --verbose", Action::Silent),
    ("-i --include --show-headers", Action::Silent),
    ("-f --fail --fail-with-body -N --no-buffer", Action::Silent),
    ("-# --progress-bar --no-progress-meter", Action::Silent),
    ("-O --remote-name -J --remote-header-name", Action::Silent),
    ("-o --output -D --dump-header", Action::SilentValue),
    ("-w --write-out --stderr", Action::SilentValue),
    // What is done anyway.
    (
        "-g --globoff --path-as-is --http1.1 --basic",
        Action::Silent,
    ),
    (
        "-c --cookie-jar",
        Action::ToldValue("use --cookies of hullo bench"),
    ),
    ("--http2", Action::Told("hullo bench sends HTTP/1.1")),
    ("-L --location", Action::Told("redirects are not followed")),
    (
        "-m --max-time --connect-timeout",
        Action::ToldValue("use -t of hullo bench"),
    ),
    ("--retry", Action::ToldValue("nothing is retried")),
    (
        "-0 --http1.0 --http2-prior-knowledge --http3 --http3-only",
        Action::Refused("hullo bench sends HTTP/1.1"),
    ),
    (
        "-x --proxy",
        Action::Refused("the benchmark would measure the proxy"),
    ),
    (
        "--unix-socket",
        Action::Refused("give hullo bench --unix-socket"),
    ),
    (
        "--resolve --connect-to",
        Action::Refused("put the address into the URL, and the name into --host of hullo bench"),
    ),
    (
        "-E --cert --key --cacert",
        Action::Refused("give hullo bench --cacert, --cert or --key"),
    ),
    (
        "-T --upload-file",
        Action::Refused("write -X PUT --data-binary @FILE"),
    ),
    (
        "-K --config",
        Action::Refused("write its options into the command"),
    ),
    (
        "-: --next",
        Action::Refused("give one request, or write several into a --request-file"),
    ),
    (
        "--digest --ntlm --negotiate",
        Action::Refused("only basic authentication is the same for each request"),
    ),
];

/// What the option of this name does, if it is known.
pub(super) fn action(option: &str) -> Option<Action> {
    let is_named = |names: &str| names.split(' ').any(|name| name == option);
    let row = OPTIONS.iter().find(|(names, _)| is_named(names))?;
    Some(row.1)
}

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
