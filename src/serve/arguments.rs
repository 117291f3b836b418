//! The arguments of `hullo serve`, and `--print-config`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use super::config::Config;
use super::flags::Flags;
use super::settings::SETTINGS;
use crate::terminal::{note, print};

/// Arguments of `hullo serve`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) flags: Flags,

    /// Print each setting, its value and where that comes from, and exit
    #[arg(long)]
    pub(super) print_config: bool,
}

/// What stands for a text that is empty.
const NONE: &str = "(none)";

/// Prints the settings, unless a server would refuse them, and returns the exit code.
pub(super) fn print_config(
    flags: &Flags,
    check: impl Fn(&Config) -> Result<(), String>,
) -> ExitCode {
    let variable = |name: &str| std::env::var_os(name);
    let config = flags.config(variable);
    let table = config.and_then(|config| {
        check(&config)?;
        table(flags, &config, variable)
    });
    match table {
        Ok(table) => match print(&table) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                note("hullo", format!("cannot write: {error}"));
                ExitCode::FAILURE
            }
        },
        Err(sentence) => {
            note("hullo", sentence);
            ExitCode::from(2)
        }
    }
}

/// A line for each setting: its flag, its value, and the flag or the variable that has set it.
fn table(
    flags: &Flags,
    config: &Config,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<String, String> {
    let mut rows = vec![["setting", "value", "from"].map(str::to_owned)];
    for setting in &SETTINGS {
        let set = flags.value_of(setting, &variable)?;
        let (value, from) = set.map_or_else(
            || (setting.default(), "default".to_owned()),
            |(value, from)| (setting.show(&value), from),
        );
        let from = match setting.flag {
            "host" | "port" if !config.listen.is_empty() => from + " (not used: --listen is)",
            "listen" if config.listen.is_empty() && !value.is_empty() => {
                from + " (not used: --host and --port are)"
            }
            _ => from,
        };
        let value = if value.is_empty() {
            NONE.to_owned()
        } else {
            value
        };
        rows.push([format!("--{}", setting.flag), value, from]);
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (first, second) = (width(0), width(1));
    let lines = rows
        .iter()
        .map(|[setting, value, from]| format!("{setting:first$}  {value:second$}  {from}\n"));
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The environment alone can set everything, and what is printed can be written.
    #[test]
    fn each_setting_has_a_variable_and_can_be_printed() {
        for setting in &SETTINGS {
            let variables = setting.variables();
            assert!(!variables.is_empty(), "{} has no variable", setting.flag);
            for name in variables {
                let own = |asked: &str| (asked == name).then(|| setting.sample().into());
                let set = Flags::default().config(own).unwrap();
                let table = table(&Flags::default(), &set, own).unwrap();
                let line = format!("--{}", setting.flag);
                let line = table
                    .lines()
                    .find(|it| it.split("  ").next() == Some(&line));
                let cells: Vec<&str> = line.unwrap().split("  ").map(str::trim).collect();
                let cells: Vec<&str> = cells.into_iter().filter(|it| !it.is_empty()).collect();
                let value = setting.parse(setting.sample()).unwrap();
                assert_eq!(cells[1..], [&setting.show(&value), &name]);
                assert_eq!(setting.parse(&setting.show(&value)), Ok(value));
                let unset = Flags::default().config(|_| None).unwrap();
                assert_ne!(set, unset, "{name} sets nothing");
            }
        }
    }
}
