//! The server's flags and variables, read into its configuration.

use std::ffi::OsString;

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use super::config::Config;
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
            let value = matches.get_one::<Value>(setting.flag)?;
            Some((setting, value.clone()))
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
        for setting in &SETTINGS {
            if let Some((value, _)) = self.value_of(setting, &variable)? {
                setting.apply(value, &mut config);
            }
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
        let port =
            |variables: &[(&str, &str)]| config("", variables).unwrap().options.address.port();
        assert_eq!(port(&[("PORT", "1")]), 1);
        assert_eq!(port(&[("PORT", "1"), ("HULLO_PORT", "2")]), 2);
        assert_eq!(port(&[("PORT", "1"), ("HULLO_PORT", "")]), 1);
        assert_eq!(port(&[("HULLO_PORT", "tcp://10.0.0.1:80")]), 8080);
        assert_eq!(port(&[("PORT", "1"), ("HULLO_PORT", "tcp://a:80")]), 1);
        let both = config("-p 3", &[("PORT", "1"), ("HULLO_PORT", "2")]);
        assert_eq!(both.unwrap().options.address.port(), 3);
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
