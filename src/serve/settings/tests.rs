//! The table against the defaults, the ranges and the README.

use super::super::config::Config;
use super::super::words::{address, host};
use super::SETTINGS;
use super::setting::{Group, Setting};
use super::value::{Kind, Number, Unit};

/// The README's table of a group.
fn markdown(group: Group) -> String {
    let settings = || SETTINGS.iter().filter(|setting| setting.group == group);
    let has_beyond = settings().any(|setting| !setting.beyond.is_empty());
    let (title, rule) = if has_beyond {
        (format!(" {} |", group.beyond()), "---|")
    } else {
        (String::new(), "")
    };
    let rows = settings().map(|setting| {
        let variables = setting.variables().join("`, `");
        let range = match &setting.kind {
            Kind::Listen => "see below".to_owned(),
            Kind::Host | Kind::Text(_) => "any".to_owned(),
            Kind::Switch(_) => "on, off".to_owned(),
            Kind::Choice(choice) => (choice.words)().join(", "),
            Kind::Address(_) => "address and port, off".to_owned(),
            Kind::Number(number) => match (*number.range.start(), *number.range.end()) {
                (0, u64::MAX) => "any".to_owned(),
                (min, u64::MAX) => format!("at least {}", number.show(min)),
                (min, max) => format!("{} to {}", number.show(min), number.show(max)),
            },
        };
        let default = match setting.default() {
            default if default.is_empty() => "none".to_owned(),
            default => format!("`{default}`"),
        };
        let beyond = if has_beyond {
            format!(" {} |", setting.beyond)
        } else {
            String::new()
        };
        format!(
            "| `--{}` | `{variables}` | {default} | {range} | {} |{beyond}\n",
            setting.flag, setting.help,
        )
    });
    let rows: String = rows.collect();
    format!(
        "| flag | environment | default | range | sets |{title}\n|---|---|---|---|---|{rule}\n{rows}"
    )
}

#[test]
fn the_readme_has_the_tables() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/server/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let tables = [
        Group::Listen,
        Group::Limits,
        Group::Timeouts,
        Group::Shutdown,
        Group::AccessLog,
        Group::TestEndpoints,
    ]
    .map(markdown);
    let missing: Vec<String> = tables
        .into_iter()
        .filter(|table| !readme.contains(table))
        .collect();
    assert!(
        missing.is_empty(),
        "paste into {path}:\n\n{}",
        missing.join("\n")
    );
}

fn setting(flag: &str) -> &'static Setting {
    let mut settings = SETTINGS.iter();
    settings.find(|setting| setting.flag == flag).unwrap()
}

#[test]
fn a_default_is_within_its_range_and_sets_what_the_library_has() {
    for setting in &SETTINGS {
        let mut config = Config::default();
        let default = setting.default();
        if !matches!(setting.kind, Kind::Listen) {
            setting.apply(setting.parse(&default).unwrap(), &mut config);
        }
        assert_eq!(config, Config::default(), "{}", setting.flag);
    }
}

impl Setting {
    /// A value that is not its default.
    pub(in crate::serve) fn sample(&self) -> &'static str {
        match self.kind {
            Kind::Host => "10.0.0.1",
            Kind::Address(_) => "10.0.0.1:80",
            Kind::Switch(_) => "on",
            Kind::Choice(_) => "json",
            Kind::Number(Number {
                unit: Unit::Time, ..
            }) => "123s",
            Kind::Number(_) if self.flag == "max-buffered-bytes" => "7MiB",
            Kind::Number(Number {
                unit: Unit::TimeOrOff,
                ..
            }) => "123us",
            Kind::Number(_) | Kind::Text(_) | Kind::Listen => "123",
        }
    }
}

#[test]
fn each_setting_sets_a_field_of_its_own() {
    let mut seen = vec![Config::default()];
    for setting in &SETTINGS {
        let mut config = Config::default();
        setting.apply(setting.parse(setting.sample()).unwrap(), &mut config);
        assert!(!seen.contains(&config), "{}", setting.flag);
        seen.push(config);
    }
}

#[test]
fn what_is_out_of_range_is_refused_with_the_range() {
    for (flag, text, error) in [
        ("port", "65536", "out of range: from 0 to 65535"),
        ("port", "abc", "not a number: write one from 0 to 65535"),
        ("workers", "0", "out of range: from 1 to 1024, or auto"),
        (
            "workers",
            "many",
            "not a number: write one from 1 to 1024, or auto",
        ),
        ("max-head-bytes", "63", "out of range: from 64 to 1MiB"),
        ("max-head-bytes", "1048577", "out of range: from 64 to 1MiB"),
        ("max-fields", "257", "out of range: from 1 to 256"),
        ("max-fields", "0", "out of range: from 1 to 256"),
        ("max-target-bytes", "0", "out of range: from 1 to 1MiB"),
        ("max-connections", "0", "out of range: at least 1, or auto"),
        (
            "max-buffered-bytes",
            "1KiB",
            "out of range: at least 1MiB, or auto",
        ),
        ("head-timeout", "0", "out of range: from 1ms to 8760h"),
        ("grace", "8761h", "too long: at most 8760h"),
        ("test-endpoints", "maybe", "not a switch: write on or off"),
        (
            "seed",
            "-1",
            "not a number: write one of at least 0, or auto",
        ),
        ("write-timeout", "999us", "out of range: from 1ms to 8760h"),
    ] {
        assert_eq!(
            setting(flag).parse(text).unwrap_err(),
            error,
            "{flag} {text}"
        );
    }
}

#[test]
fn a_host_is_an_address_with_or_without_brackets() {
    for (text, address) in [
        ("localhost", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::", "::"),
        ("0.0.0.0", "0.0.0.0"),
    ] {
        assert_eq!(host(text).unwrap().to_string(), address);
    }
    for text in ["", "[::1", "example.com", "127.0.0.1:80"] {
        assert!(
            host(text).unwrap_err().starts_with("not an IP address"),
            "{text}"
        );
    }
}

#[test]
fn an_address_that_cannot_accept_is_refused() {
    for bad in ["224.0.0.1", "255.255.255.255", "[ff02::1]", "host", ""] {
        assert!(host(bad).is_err(), "{bad}");
    }
    for good in ["127.0.0.1", "0.0.0.0", "[::1]", "::", "localhost"] {
        assert!(host(good).is_ok(), "{good}");
    }
}

#[test]
fn an_address_has_a_host_and_a_port() {
    for (text, read) in [
        ("localhost:9090", "127.0.0.1:9090"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:9090", "[::1]:9090"),
        ("0.0.0.0:1", "0.0.0.0:1"),
    ] {
        assert_eq!(address(text).unwrap().unwrap().to_string(), read);
    }
    assert_eq!(address("off"), Ok(None));
    for text in [
        "",
        "9090",
        "localhost",
        "::1:9090",
        "127.0.0.1:65536",
        "224.0.0.1:1",
    ] {
        assert!(address(text).is_err(), "{text}");
    }
}
