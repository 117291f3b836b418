//! A setting: its flag and its variables, and how its value is read, shown and set.

use std::sync::LazyLock;

use clap::{Arg, ArgAction};

use super::super::config::Config;
use super::super::listen::Listen;
use super::super::words::{address, host, switch};
use super::value::{Kind, Value};

/// One setting of the server.
#[derive(Debug)]
pub(in crate::serve) struct Setting {
    /// The flag, without its hyphens. `max-fields` is `HULLO_MAX_FIELDS` in the environment.
    pub(in crate::serve) flag: &'static str,
    pub(super) short: Option<char>,
    pub(super) group: Group,
    /// What the help calls the flag's value.
    pub(super) value_name: &'static str,
    pub(super) help: &'static str,
    /// What happens when a peer goes beyond it.
    pub(super) beyond: &'static str,
    pub(super) kind: Kind,
}

/// The headings of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Listen,
    Limits,
    Timeouts,
    Shutdown,
    AccessLog,
    TestEndpoints,
}

impl Group {
    /// What introduces [`Setting::beyond`].
    pub(super) fn beyond(self) -> &'static str {
        match self {
            Self::Listen | Self::Limits | Self::AccessLog | Self::TestEndpoints => "beyond it",
            Self::Timeouts | Self::Shutdown => "after it",
        }
    }
}

impl Setting {
    /// The flag.
    pub(in crate::serve) fn arg(&'static self) -> Arg {
        let arg = Arg::new(self.flag)
            .long(self.flag)
            .value_name(self.value_name)
            .help(self.long_help())
            .value_parser(|text: &str| self.parse(text));
        let arg = match self.group {
            Group::Listen => arg,
            Group::Limits => arg.help_heading("Limits"),
            Group::Timeouts => arg.help_heading("Time-outs"),
            Group::Shutdown => arg.help_heading("Shutdown"),
            Group::AccessLog => arg.help_heading("Access log"),
            Group::TestEndpoints => arg.help_heading("Test endpoints"),
        };
        let arg = match self.kind {
            Kind::Listen => arg.action(ArgAction::Append),
            _ => arg,
        };
        // Given without a value, a switch is on.
        let arg = match self.kind {
            Kind::Switch(_) => arg
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("on"),
            _ => arg,
        };
        match self.short {
            Some(letter) => arg.short(letter),
            None => arg,
        }
    }

    fn long_help(&self) -> String {
        let beyond = match self.beyond {
            "" => String::new(),
            beyond => format!("; {}: {beyond}", self.group.beyond()),
        };
        let variables = self.variables().join(", ");
        let default = match self.default() {
            default if default.is_empty() => default,
            default => format!(" [default: {default}]"),
        };
        format!("{}{beyond} [env: {variables}]{default}", self.help)
    }

    /// The environment's variables that set it, the first one first. Many platforms set `PORT`.
    pub(in crate::serve) fn variables(&self) -> Vec<String> {
        let own = format!("HULLO_{}", self.flag.to_uppercase().replace('-', "_"));
        match self.flag {
            "port" => vec![own, "PORT".to_owned()],
            _ => vec![own],
        }
    }

    /// A value as a user would write it.
    pub(in crate::serve) fn show(&self, value: &Value) -> String {
        match (&self.kind, value) {
            (Kind::Number(number), Value::Number(value)) => {
                value.map_or("auto".to_owned(), |value| number.show(value))
            }
            (_, Value::Number(value)) => format!("{value:?}"),
            (_, Value::Host(address)) => address.to_string(),
            (_, Value::Listen(list)) => {
                let list: Vec<String> = list.iter().map(ToString::to_string).collect();
                list.join(" ")
            }
            (_, Value::Address(address)) => {
                address.map_or("off".to_owned(), |address| address.to_string())
            }
            (_, Value::Switch(is_on)) => if *is_on { "on" } else { "off" }.to_owned(),
            (_, Value::Text(text)) => text.clone(),
        }
    }

    /// The default as a user would write it.
    pub(in crate::serve) fn default(&self) -> String {
        // It counts the processors, for which files are read.
        static CONFIG: LazyLock<Config> = LazyLock::new(Config::default);
        let config = &*CONFIG;
        match &self.kind {
            Kind::Host => config.address.ip().to_string(),
            Kind::Switch(_) | Kind::Address(_) => "off".to_owned(),
            Kind::Text(_) | Kind::Listen => String::new(),
            Kind::Choice(choice) => (choice.default)(config).to_owned(),
            Kind::Number(number) => {
                (number.default)(config).map_or("auto".to_owned(), |value| number.show(value))
            }
        }
    }

    /// Reads a value as a user writes it.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong, and what would be right.
    pub(in crate::serve) fn parse(&self, text: &str) -> Result<Value, String> {
        match &self.kind {
            Kind::Host => host(text).map(Value::Host),
            Kind::Address(_) => address(text).map(Value::Address),
            Kind::Listen => Listen::parse_list(text).map(Value::Listen),
            Kind::Number(number) => number.parse(text).map(Value::Number),
            Kind::Switch(_) => switch(text).map(Value::Switch),
            Kind::Text(_) => Ok(Value::Text(text.to_owned())),
            Kind::Choice(choice) => choice.parse(text).map(Value::Text),
        }
    }

    /// Sets a value that [`parse`](Self::parse) has read.
    pub(in crate::serve) fn apply(&self, value: Value, config: &mut Config) {
        match (&self.kind, value) {
            (Kind::Host, Value::Host(address)) => config.address.set_ip(address),
            (Kind::Address(set), Value::Address(address)) => set(config, address),
            (Kind::Listen, Value::Listen(list)) => config.listen = list,
            (Kind::Number(number), Value::Number(value)) => (number.set)(config, value),
            (Kind::Switch(set), Value::Switch(is_on)) => set(config, is_on),
            (Kind::Text(set), Value::Text(text)) => set(config, text),
            (Kind::Choice(choice), Value::Text(word)) => (choice.set)(config, &word),
            (_, value) => debug_assert!(false, "{value:?} is the value of another setting"),
        }
    }
}
