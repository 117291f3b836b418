//! The server's flags and variables, read into its configuration.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use super::config::Config;
use super::listen;
use super::settings::{SETTINGS, Setting, Value};

/// The flags that were given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags(Vec<(&'static Setting, Value)>);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.iter().map(Setting::arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |setting: &'static Setting| {
            let values = matches.get_many::<Value>(setting.flag)?;
            let value = values.cloned().reduce(Value::and)?;
            Some((setting, value))
        };
        Ok(Self(SETTINGS.iter().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Flags {
    /// What the flags, or else the variables, set.
    ///
    /// # Errors
    ///
    /// A sentence that names the variable whose value is wrong.
    pub(super) fn config(
        &self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Config, String> {
        let mut config = Config::default();
        let mut origins = Vec::new();
        for setting in &SETTINGS {
            if let Some((value, origin)) = self.value_of(setting, &variable)? {
                setting.apply(value, &mut config);
                origins.push((setting.flag, origin));
            }
        }
        choose_listeners(&mut config, &origins)?;
        // Only the flag: a variable may be set for a log that is switched on elsewhere.
        let format = "--access-log-format";
        if config.access_log.destination.is_none() && origins.iter().any(|(_, it)| it == format) {
            return Err(format!("{format} is for --access-log: give both"));
        }
        Ok(config)
    }

    /// The value that a flag, or else a variable, sets, and the name of the one or the other.
    ///
    /// # Errors
    ///
    /// As of [`config`](Self::config).
    pub(super) fn value_of(
        &self,
        setting: &Setting,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<(Value, String)>, String> {
        match self.0.iter().find(|(given, _)| given.flag == setting.flag) {
            Some((_, value)) => Ok(Some((value.clone(), format!("--{}", setting.flag)))),
            None => from_environment(setting, variable),
        }
    }
}

/// Decides between `--listen` and `--host` with `--port`: a flag wins over a variable, and one of our own
/// variables over `PORT`, which many platforms set.
fn choose_listeners(config: &mut Config, origins: &[(&str, String)]) -> Result<(), String> {
    let rank = |origin: &str| match origin {
        "PORT" => 0,
        _ if origin.starts_with("--") => 2,
        _ => 1,
    };
    let strongest = |flags: &[&str]| {
        let given = origins.iter().filter(|(flag, _)| flags.contains(flag));
        let given = given.map(|(_, origin)| (rank(origin), origin.as_str()));
        given.max_by_key(|(rank, _)| *rank)
    };
    let address = strongest(&["host", "port"]);
    let listen = strongest(&["listen"]);
    config.is_address_given = address.is_some();
    if let (Some((weaker, listen)), Some((rank, address))) = (listen, address) {
        if weaker == rank {
            let instead = match listen {
                "--listen" => format!("write --listen {} in place of {address}", config.address),
                _ => format!("add {} to {listen}", config.address),
            };
            return Err(format!(
                "{listen} takes the place of {address}: leave one of them out, or {instead}"
            ));
        }
        config.is_address_given = rank > weaker;
        if config.is_address_given {
            config.listen.clear();
        }
    }
    listen::check(&config.listen)
}

/// The value of the first variable that is set and not empty, and the variable.
fn from_environment(
    setting: &Setting,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<(Value, String)>, String> {
    for name in setting.variables() {
        let Some(text) = variable(&name) else {
            continue;
        };
        let text = text.to_string_lossy();
        // Kubernetes sets HULLO_PORT to the URL of a service called hullo.
        if text.is_empty() || name == "HULLO_PORT" && text.starts_with("tcp://") {
            continue;
        }
        return match setting.parse(&text) {
            Ok(value) => Ok(Some((value, name))),
            Err(error) => Err(format!("{name}={text}: {error}")),
        };
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn config(arguments: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let command = Flags::augment_args(Command::new("hullo").no_binary_name(true));
        let matches = command
            .try_get_matches_from(arguments.split_whitespace())
            .map_err(|error| error.to_string())?;
        let variable = |name: &str| {
            let mut variables = variables.iter();
            let (_, value) = variables.find(|(other, _)| *other == name)?;
            Some(value.into())
        };
        Flags::from_arg_matches(&matches).unwrap().config(variable)
    }

    #[test]
    fn without_flags_and_variables_the_defaults_hold() {
        assert_eq!(config("", &[]), Ok(Config::default()));
        let empty = [("HULLO_MAX_FIELDS", ""), ("PORT", "")];
        assert_eq!(config("", &empty), Ok(Config::default()));
    }

    #[test]
    fn a_flag_wins_over_a_variable() {
        let variables = [("HULLO_MAX_FIELDS", "7"), ("HULLO_MAX_HEAD_BYTES", "1KiB")];
        let limits = config("--max-fields 9", &variables).unwrap().options.limits;
        assert_eq!((limits.fields, limits.head_bytes), (9, 1024));
    }

    #[test]
    fn the_port_has_two_variables() {
        let port = |variables: &[(&str, &str)]| config("", variables).unwrap().address.port();
        assert_eq!(port(&[("PORT", "1")]), 1);
        assert_eq!(port(&[("PORT", "1"), ("HULLO_PORT", "2")]), 2);
        assert_eq!(port(&[("PORT", "1"), ("HULLO_PORT", "")]), 1);
        assert_eq!(port(&[("HULLO_PORT", "tcp://10.0.0.1:80")]), 8080);
        assert_eq!(port(&[("PORT", "1"), ("HULLO_PORT", "tcp://a:80")]), 1);
        let both = config("-p 3", &[("PORT", "1"), ("HULLO_PORT", "2")]);
        assert_eq!(both.unwrap().address.port(), 3);
    }

    /// Where it listens, without inherited sockets.
    fn listeners(arguments: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let listeners = config(arguments, variables)?.listeners(false);
        let listeners: Vec<String> = listeners.iter().map(ToString::to_string).collect();
        Ok(listeners.join(" "))
    }

    #[test]
    fn listeners_take_the_place_of_host_and_port() {
        let port = ("PORT", "1");
        let own_port = ("HULLO_PORT", "2");
        let listen = ("HULLO_LISTEN", "3 unix:/a");
        for (arguments, variables, expected) in [
            ("", &[][..], "127.0.0.1:8080"),
            ("", &[port], "127.0.0.1:1"),
            ("", &[listen], ":3 unix:/a"),
            ("", &[listen, port], ":3 unix:/a"),
            (
                "--listen 4 -l localhost:5",
                &[listen, port],
                ":4 localhost:5",
            ),
            ("--listen 4", &[own_port], ":4"),
            ("--port 6", &[listen], "127.0.0.1:6"),
            ("--host ::", &[listen], "[::]:8080"),
        ] {
            assert_eq!(listeners(arguments, variables), Ok(expected.to_owned()));
        }
        for (arguments, variables, names) in [
            (
                "--listen 4 --port 5",
                &[][..],
                "or write --listen 127.0.0.1:5 in place of --port",
            ),
            (
                "--listen 4 --host ::",
                &[own_port],
                "--listen takes the place of --host",
            ),
            (
                "",
                &[listen, own_port],
                "HULLO_PORT: leave one of them out, or add 127.0.0.1:2 to HULLO_LISTEN",
            ),
            (
                "--listen 80 --listen [::1]:80",
                &[],
                "are for the same address",
            ),
        ] {
            let error = listeners(arguments, variables).unwrap_err();
            assert!(error.contains(names), "{error}");
        }
    }

    #[test]
    fn inherited_sockets_take_the_place_of_the_default() {
        let count = |arguments| config(arguments, &[]).unwrap().listeners(true).len();
        assert_eq!(
            (count(""), count("--port 8080"), count("-l 80 -l 81")),
            (0, 1, 2)
        );
    }

    #[test]
    fn a_format_is_for_a_log() {
        let error = config("--access-log-format json", &[]).unwrap_err();
        assert_eq!(error, "--access-log-format is for --access-log: give both");
        let log = ("HULLO_ACCESS_LOG", "-");
        assert!(config("--access-log-format json", &[log]).is_ok());
        assert!(config("", &[("HULLO_ACCESS_LOG_FORMAT", "json")]).is_ok());
    }

    #[test]
    fn an_error_names_the_flag_or_the_variable() {
        let error = config("", &[("HULLO_MAX_FIELDS", "0")]).unwrap_err();
        assert_eq!(error, "HULLO_MAX_FIELDS=0: out of range: from 1 to 256");
        let error = config("", &[("PORT", "tcp://a:80")]).unwrap_err();
        assert_eq!(
            error,
            "PORT=tcp://a:80: not a number: write one from 0 to 65535"
        );
        let error = config("--max-fields 0", &[]).unwrap_err();
        assert!(
            error.contains("'--max-fields <N>': out of range: from 1 to 256"),
            "{error}"
        );
        // A flag hides the variable, wrong or not.
        assert!(config("--max-fields 1", &[("HULLO_MAX_FIELDS", "0")]).is_ok());
    }
}
