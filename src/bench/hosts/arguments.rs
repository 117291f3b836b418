//! The arguments for each host: those that were given, without those about hosts and output.

use std::ffi::OsString;

use clap::{ArgAction, Command};

/// What only the machine that asks does, and what each host has of its own.
const LOCAL: &[&str] = &[
    "fail_if",
    "hdr",
    "hosts",
    "hosts_binary",
    "json",
    "output",
    "quiet",
    "seed",
    "ssh",
];

/// `words` are those behind the name of the command, whose flags `command` has.
pub(in crate::bench) fn arguments(
    command: Command,
    words: impl Iterator<Item = OsString>,
) -> Result<Vec<String>, String> {
    let mut command = command.no_binary_name(true);
    let matches = command.try_get_matches_from_mut(words);
    let matches = matches.map_err(|error| error.to_string())?;
    let mut flags = Vec::new();
    let mut positions = Vec::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let is_given = matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
        if !is_given || LOCAL.contains(&id) {
            continue;
        }
        let name = match (argument.get_long(), argument.get_short()) {
            (Some(long), _) => Some((format!("--{long}"), "=")),
            (None, Some(short)) => Some((format!("-{short}"), "")),
            (None, None) => None,
        };
        if let (Some((name, _)), ArgAction::SetTrue) = (&name, argument.get_action()) {
            flags.push(name.clone());
            continue;
        }
        for value in matches.get_raw(id).into_iter().flatten() {
            let value = value.to_str();
            let value = value.ok_or_else(|| format!("{id} must be UTF-8 with --hosts"))?;
            match &name {
                Some((name, between)) => flags.push(format!("{name}{between}{value}")),
                None => positions.push(value.to_owned()),
            }
        }
    }
    if !positions.is_empty() {
        flags.push("--".to_owned());
        flags.append(&mut positions);
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::super::super::options::BenchOptions;
    use super::*;
    use clap::Args as _;

    fn of(line: &str) -> String {
        let command = BenchOptions::augment_args(Command::new("bench"));
        let words = line.split_whitespace().map(OsString::from);
        arguments(command, words).unwrap().join(" ")
    }

    #[test]
    fn only_those_about_the_load_are_passed_on() {
        let line = "--hosts a,b --ssh x -o json --json f --hdr g --fail-if p99>5ms --seed 3 -kz 5s -c7 -q 2.5 \
            -H A:b -H C:d --disable-keepalive --rate=1k..2k -d -x http://a/ --hosts-binary y";
        // A rate for each connection and one for all exclude each other.
        let line = line.replace("--rate=1k..2k ", "");
        let mut passed: Vec<String> = of(&line).split(' ').map(str::to_owned).collect();
        passed.sort();
        let mut expected = [
            "--insecure",
            "--duration=5s",
            "--connections=7",
            "-q2.5",
            "--header=A:b",
            "--header=C:d",
            "--disable-keepalive",
            "--data=-x",
            "--",
            "http://a/",
        ];
        expected.sort_unstable();
        assert_eq!(passed, expected);
        assert_eq!(of("http://a/?x=1"), "-- http://a/?x=1");
    }
}
