//! Goes on with a race that was interrupted, from the file of its `--json`.

use std::collections::HashMap;

use super::record::{Measurement, Record, Settings, Target, Test};
use super::warn;

/// Adds what an earlier race has measured to the record of one that has not begun. Rounds can be added; all
/// else must be the same. Or says what is not.
pub(super) fn resume(new: &mut Record, old: &Record) -> Result<(), String> {
    check(new, old)?;
    new.started_unix_ms = old.started_unix_ms;
    new.elapsed_ms = old.elapsed_ms;
    new.settings.rounds = new.settings.rounds.max(old.settings.rounds);
    for (target, before) in new.targets.iter_mut().zip(&old.targets) {
        target.behaviour.clone_from(&before.behaviour);
        target.tls.clone_from(&before.tls);
    }
    new.results.clone_from(&old.results);
    // Those that follow from the measurements are made again.
    let again = warn::of(old);
    let kept = old.warnings.iter().filter(|warning| {
        !again.contains(warning)
            && !warn::is_of_an_interruption(warning)
            && !new.warnings.contains(warning)
    });
    let kept: Vec<String> = kept.cloned().collect();
    new.warnings.extend(kept);
    let resumed =
        "The race was interrupted and resumed: its rounds were not all run at one time".to_owned();
    if !old.results.is_empty() && !new.warnings.contains(&resumed) {
        new.warnings.push(resumed);
    }
    Ok(())
}

/// Whether it is the same race, or what differs.
fn check(new: &Record, old: &Record) -> Result<(), String> {
    let settings = |record: &Record| record.settings.unchanging();
    let untitled = |test: &Test| Test {
        title: String::new(),
        ..test.clone()
    };
    let tests = |record: &Record| record.tests.iter().map(untitled).collect::<Vec<_>>();
    let command = |target: &Target| {
        let Target {
            name,
            command,
            url,
            https,
            ..
        } = target.clone();
        (name, command, url, https)
    };
    let commands = |record: &Record| record.targets.iter().map(command).collect::<Vec<_>>();
    let same = [
        ("machine", new.machine == old.machine),
        ("version of hullo", new.version == old.version),
        ("servers", commands(new) == commands(old)),
        ("tests", tests(new) == tests(old)),
        ("settings", settings(new) == settings(old)),
    ];
    let differ = same.iter().filter(|(_, same)| !same);
    let mut differ: Vec<String> = differ.map(|(what, _)| (*what).to_owned()).collect();
    if let Some(what) = differ.last_mut().filter(|what| *what == "settings") {
        *what = format!("settings ({})", changed(&settings(new), &settings(old)));
    }
    if !differ.is_empty() {
        return Err(format!(
            "--resume: the file is that of another race, with different {}: repeat the command line of that race, or write to another file",
            differ.join(" and ")
        ));
    }
    Ok(())
}

/// The names of the settings that differ.
fn changed(new: &Settings, old: &Settings) -> String {
    let [new, old] = [new, old].map(|of| serde_json::to_value(of).unwrap_or_default());
    let of = new.as_object().into_iter().flatten();
    let differ = of.filter(|(name, value)| old.get(name) != Some(value));
    let names: Vec<String> = differ.map(|(name, _)| name.replace('_', " ")).collect();
    names.join(", ")
}

/// Requests/s of each server in a closed model, from the rates that were shares of it.
pub(super) fn capacities(old: &Record) -> HashMap<String, f64> {
    let load = |result: &Measurement| old.tests.iter().find(|test| test.id == result.test)?.load;
    let rated = old.results.iter();
    let mut rated: Vec<(f64, &Measurement)> =
        rated.filter_map(|of| Some((load(of)?, of))).collect();
    // The largest share was rounded least, and is the last that is kept.
    rated.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let known = rated.into_iter();
    let known = known.filter_map(|(load, of)| Some((of.target.clone(), of.rate? / load)));
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::super::record::Suite;
    use super::super::report::sample::{record, servers};
    use super::*;
    use crate::bench::TlsSettings;

    /// A race, and the same one before its second round.
    fn races() -> (Record, Record) {
        let whole = record(&servers(2), &[Suite::Churn, Suite::Rate], 3);
        let mut new = whole.clone();
        new.results.clear();
        new.warnings.clear();
        for target in &mut new.targets {
            target.behaviour.clear();
        }
        let mut old = whole;
        old.results.retain(|result| result.round == 1);
        (new, old)
    }

    #[test]
    fn what_was_measured_is_kept() {
        let (mut new, mut old) = races();
        let interruption = warn::interruption(&old, false, None).unwrap();
        let words = "The race has not ended: 44 of 66 measurements are missing";
        assert!(interruption.starts_with(words), "{interruption}");
        old.warnings.push(interruption);
        new.settings.rounds = 4;
        resume(&mut new, &old).unwrap();
        assert_eq!((new.results.len(), new.settings.rounds), (22, 4));
        assert_eq!(new.missing(), 3 * 22);
        assert!(!new.targets[1].behaviour.is_empty());
        let kept = [
            old.warnings[0].as_str(),
            "The race was interrupted and resumed",
        ];
        for (warning, words) in new.warnings.iter().zip(kept) {
            assert!(warning.starts_with(words), "{:?}", new.warnings);
        }
        assert_eq!(new.warnings.len(), 2);
        // Resumed once more, it says so once.
        let (mut again, _) = races();
        resume(&mut again, &new).unwrap();
        assert_eq!((again.warnings, again.settings.rounds), (new.warnings, 4));
    }

    #[test]
    fn the_rates_stay_the_same() {
        let (_, old) = races();
        let known = capacities(&old);
        for result in old
            .results
            .iter()
            .filter(|result| result.test.starts_with("rate"))
        {
            let load = old
                .tests
                .iter()
                .find(|test| test.id == result.test)
                .unwrap()
                .load
                .unwrap();
            let again = known[&result.target] * load;
            assert!(
                (again / result.rate.unwrap() - 1.0).abs() < 0.01,
                "{result:?}"
            );
        }
    }

    #[test]
    fn another_race_is_not_resumed() {
        type Change = fn(&mut Record);
        let changes: [(&str, Change); 7] = [
            ("machine", |record| record.machine.cores += 1),
            ("version", |record| record.version.push('1')),
            ("servers", |record| record.targets[0].command = None),
            ("servers", |record| record.targets[1].https = Some(true)),
            ("tests", |record| record.tests[0].connections += 1),
            ("settings (tls)", |record| {
                record.settings.tls = Some(TlsSettings {
                    verified: true,
                    resumption: false,
                    client_certificate: false,
                });
            }),
            ("settings (warm up ns)", |record| {
                record.settings.warm_up_ns += 1;
            }),
        ];
        for (words, change) in changes {
            let (mut new, mut old) = races();
            change(&mut old);
            let error = resume(&mut new, &old).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
