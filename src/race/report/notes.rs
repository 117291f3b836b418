//! What a reader has to know besides the figures: how they are meant, and how they were made.

use std::time::{Duration, UNIX_EPOCH};

use super::escape::{clean, clean_block, shell};
use super::format::{bytes, time};
use crate::race::record::{Record, Target};
use crate::race::stats::ROUNDS_MIN;

/// Of a reason, in characters.
const BRIEF: usize = 300;

/// How the figures are meant, for a reader who sees them for the first time.
pub(super) fn how_to_read(record: &Record) -> Vec<String> {
    let rounds = record.settings.rounds;
    let mut said = vec![match rounds {
        0 | 1 => "There was one round: nothing tells a difference from chance.".to_owned(),
        _ => format!(
            "Figures are medians of {rounds} rounds, in which the targets took turns; a range is from the least round to the greatest."
        ),
    }];
    let compared = record.summaries.iter().any(|summary| {
        let cpu = summary.cpu_ns_per_request.as_ref();
        let idle = summary.idle_connection_bytes.as_ref();
        let all = [Some(&summary.requests_per_second), cpu, idle];
        all.into_iter()
            .flatten()
            .any(|figure| figure.ratio.is_some())
    });
    match record.targets.first() {
        Some(first) if compared => said.push(format!(
            "A ratio is to {}, round by round. In brackets is the interval that holds the true ratio: in 99 of 100 tests, both ratios of a server lie in theirs. Where it holds 1, or is about a mean within 2 % of 1, no difference is seen; if it is wide (beyond 0.8 to 1.25), there may be one all the same.",
            clean(&first.name)
        )),
        Some(first) if rounds > 1 && record.targets.len() > 1 => said.push(if rounds < ROUNDS_MIN {
            format!("There is no ratio: it takes {ROUNDS_MIN} rounds to tell a difference from chance.")
        } else {
            format!(
                "There is no ratio: {} was not measured in {ROUNDS_MIN} rounds, or there were too many errors.",
                clean(&first.name)
            )
        }),
        _ => {}
    }
    said.push(
        "Only where the server is what bound a test are the requests/s its own. CPU per request depends far less on that; only, a server that waits between requests pays more for each.".to_owned(),
    );
    said
}

/// What it was run on and how: names and values.
pub(super) fn setting(record: &Record) -> Vec<(&'static str, String)> {
    let (machine, settings) = (&record.machine, &record.settings);
    let cpus = |cpus: &[usize]| {
        let cpus: Vec<String> = cpus.iter().map(ToString::to_string).collect();
        if cpus.is_empty() {
            "any".to_owned()
        } else {
            cpus.join(", ")
        }
    };
    let whole_seconds = record.started_unix_ms / 1000;
    let cores = machine.cores;
    vec![
        ("Date", date(whole_seconds)),
        ("Took", duration(record.elapsed_ms)),
        (
            "Processor",
            format!("{}, {cores} usable", clean(&machine.cpu)),
        ),
        ("Memory", bytes(machine.memory_bytes as f64)),
        (
            "System",
            format!("{}, {}", clean(&machine.system), clean(&machine.kernel)),
        ),
        ("hullo", clean(&record.version)),
        (
            "Generator",
            format!(
                "{} {}",
                clean(&settings.generator),
                clean(&settings.generator_version)
            )
            .trim()
            .to_owned(),
        ),
        ("Suites", clean(&settings.suites.join(", "))),
        ("Rounds", settings.rounds.to_string()),
        ("Cores of the server", cpus(&settings.server_cpus)),
        ("Cores of the generator", cpus(&settings.load_cpus)),
        ("Workers", settings.workers.to_string()),
        ("Path", clean(&settings.path)),
        ("Warm-up", time(settings.warm_up_ns as f64)),
    ]
}

/// `12 min 34 s`, of more than two minutes.
fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    if seconds < 120 {
        time(ms as f64 * 1e6)
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

/// `2026-11-24 02:00:00 UTC`.
fn date(unix: u64) -> String {
    // The calendar of httpdate ends with the year 9999.
    let unix = unix.min(253_402_300_799);
    let time = UNIX_EPOCH + Duration::from_secs(unix);
    let text = httpdate::fmt_http_date(time);
    let words: Vec<&str> = text.split(' ').collect();
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    match words.as_slice() {
        [_, day, month, year, clock, _] => {
            let month = months.find(month).unwrap_or(0) / 3 + 1;
            format!("{year}-{month:02}-{day} {clock} UTC")
        }
        _ => text,
    }
}

/// The command line, for a shell.
pub(super) fn command_line(record: &Record) -> String {
    let words: Vec<String> = record.command.iter().map(|word| shell(word)).collect();
    words.join(" ")
}

/// Who is out, and why.
pub(super) fn outs(record: &Record) -> Vec<String> {
    let out = |target: &Target| {
        let why = brief(target.out.as_ref()?);
        let measured = record
            .results
            .iter()
            .any(|result| result.target == target.name);
        let when = if measured {
            "was not measured to the end"
        } else {
            "was not measured"
        };
        Some(format!(
            "{} {when}: {}.",
            clean(&target.name),
            why.trim_end_matches('.')
        ))
    };
    record.targets.iter().filter_map(out).collect()
}

/// Of what a program said at its end the beginning tells enough: it may be a whole report.
fn brief(text: &str) -> String {
    let text = clean(text);
    match text.char_indices().nth(BRIEF) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text,
    }
}

pub(super) fn warnings(record: &Record) -> Vec<String> {
    let stop = |text: String| format!("{}.", text.trim_end_matches('.'));
    record
        .warnings
        .iter()
        .map(|text| stop(clean(text)))
        .collect()
}

/// Who was started how, and the race itself.
pub(super) fn commands(record: &Record) -> Vec<(String, String)> {
    let mut commands = vec![("race".to_owned(), clean_block(&command_line(record)))];
    for target in &record.targets {
        let command = match (&target.command, &target.url) {
            (Some(command), _) => command.clone(),
            (None, Some(url)) => format!("running already at {}", shell(url)),
            (None, None) => continue,
        };
        commands.push((clean(&target.name), clean_block(&command)));
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut() {
        assert_eq!(brief("ended with 1"), "ended with 1");
        assert_eq!(brief(&"ä".repeat(400)).chars().count(), 301);
    }

    #[test]
    fn a_date_is_written_from_the_year_down() {
        assert_eq!(date(1_795_485_600), "2026-11-24 02:00:00 UTC");
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(u64::MAX), "9999-12-31 23:59:59 UTC");
    }

    #[test]
    fn a_long_time_is_told_in_minutes() {
        assert_eq!(duration(754_000), "12 min 34 s");
        assert_eq!(duration(1500), "1.50 s");
    }
}
