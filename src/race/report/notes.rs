//! What a reader has to know besides the figures: how to read them, and how they were made.

use std::time::{Duration, UNIX_EPOCH};

use super::protocols;
use super::rows::rounds_run;
use crate::race::format::{NONE, bytes, figure, percent, time};
use crate::race::record::{Measurement, Record, Summary, Target};
use crate::race::stats::{BOOTSTRAP_MISS, EQUAL, RESOLUTION, ROUNDS_MIN};
use crate::race::summary::{self, QUEUED_MAX};
use crate::terminal::{clean, clean_block};

/// Of a reason why a server was not measured.
const REASON_CHARS_MAX: usize = 300;

/// How to read the figures.
pub(super) fn legend(record: &Record) -> Vec<String> {
    let mut legend = Vec::new();
    let (most, rounds) = rounds_run(record.summaries.iter());
    if most > 1 {
        let order = record.settings.seed.map_or("", |_| " in a random order");
        let processes = match record.settings.processes_per_round {
            Some(number) => format!(", {number} processes of each"),
            None => String::new(),
        };
        legend.push(format!("Figures are medians of {rounds} rounds, in each of which the servers took turns{order}{processes}. A range spans all of them."));
    }
    let first = record.targets.first().map(|first| clean(&first.name));
    let mut figures = record.summaries.iter().flat_map(Summary::figures);
    let compared = figures.any(|figure| figure.ratio.is_some());
    if let Some(first) = first.filter(|_| compared) {
        let (low, high) = (EQUAL.start(), EQUAL.end());
        let percent = RESOLUTION * 100.0;
        legend.push(format!("A ratio compares a server with {first}, round by round; its interval is in parentheses. In 99 of 100 tests, both ratios of a server lie in their intervals."));
        legend.push(format!("No difference: the interval holds 1, or the ratio is within {percent} % of 1. No difference shown: the same, but the interval reaches beyond {low} to {high}, so more rounds may show one."));
    }
    let mut summaries = record.summaries.iter();
    if summaries.any(|summary| summary.latency_intervals_ns.is_some()) {
        let held = ((1.0 - BOOTSTRAP_MISS) * 100.0).round();
        legend.push(format!("The interval beside a percentile is that of its median over the rounds, in {held} of 100 cases (bootstrap)."));
    }
    legend.extend(no_ratios(record));
    legend.extend(protocols::not_asked(record));
    legend.push("Requests/s are a server's own only where the server was the bottleneck. CPU per request depends far less on the bottleneck, but a server that waits between requests pays more for each.".to_owned());
    legend
}

/// Why servers have no ratio, by name. A server that failed is to blame for its own, the first one for all.
fn no_ratios(record: &Record) -> Vec<String> {
    let Some((first, others)) = record.targets.split_first() else {
        return Vec::new();
    };
    let is_compared = |target: &Target| {
        let mut summaries = record.summaries.iter();
        summaries.any(|of| of.target == target.name && of.figures().any(|of| of.ratio.is_some()))
    };
    let missing: Vec<&Target> = others
        .iter()
        .filter(|target| !is_compared(target))
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let rounds = record.settings.rounds;
    if rounds < ROUNDS_MIN {
        return vec![format!(
            "There are no ratios: they take {ROUNDS_MIN} rounds, and this race has {rounds} (--rounds {ROUNDS_MIN})."
        )];
    }
    let name = |target: &Target| clean(&target.name);
    if let Some(fault) = fault(record, first) {
        let first = name(first);
        return vec![format!(
            "There is no ratio, because all servers are compared with {first}: {fault}."
        )];
    }
    let because = |target: &&Target| {
        let fault = fault(record, target)
            .unwrap_or("neither figure could be compared, see the warnings".to_owned());
        format!("{} has no ratio: {fault}.", name(target))
    };
    missing.iter().map(because).collect()
}

/// Why nothing is compared with a server.
fn fault(record: &Record, target: &Target) -> Option<String> {
    let tests = record.tests.iter().map(|test| -> Vec<&Measurement> {
        let of = |result: &&Measurement| result.target == target.name && result.test == test.id;
        record.results.iter().filter(of).collect()
    });
    let rounds = tests.clone().map(|rounds| rounds.len()).max();
    let failure = tests
        .filter_map(|rounds| summary::failure(&rounds))
        .next_back();
    let name = clean(&target.name);
    match (failure, rounds.unwrap_or(0)) {
        (_, 0) => Some(format!("{name} was not measured")),
        (Some(failure), _) => Some(format!("{name} failed: {}", clean(&failure))),
        (None, rounds) if rounds < ROUNDS_MIN => Some(format!(
            "{name} was measured in {rounds} of the {ROUNDS_MIN} rounds that a ratio takes"
        )),
        _ => None,
    }
}

/// What a reader has to know before the result: servers were asked over different protocols, or the machine was busy
/// with something else.
pub(super) fn caution(record: &Record) -> Option<String> {
    let both = [protocols::mixture(record), queued(record)];
    let said: Vec<String> = both.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// That the generator waited for a core.
fn queued(record: &Record) -> Option<String> {
    let pairs = record
        .tests
        .iter()
        .flat_map(|test| record.targets.iter().map(move |target| (test, target)));
    let shares: Vec<f64> = pairs
        .filter_map(|(test, target)| {
            let of = |result: &&Measurement| result.test == test.id && result.target == target.name;
            summary::queued(&record.results.iter().filter(of).collect::<Vec<_>>())
        })
        .collect();
    let most = shares.iter().copied().reduce(f64::max)?;
    let above = shares.iter().filter(|share| **share > QUEUED_MAX).count();
    (above > 0).then(|| {
        format!(
            "Caution: the generator waited for a core up to {} of the time, in {above} of {} measurements more than {}. Something else used its cores, so requests/s and latencies are partly the machine's.",
            percent(most),
            shares.len(),
            percent(QUEUED_MAX)
        )
    })
}

/// On what and how the race was run: names and values.
pub(super) fn setting(record: &Record) -> Vec<(&'static str, String)> {
    let (machine, settings) = (&record.machine, &record.settings);
    let cores = |cores: &[usize]| {
        let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
        cores.join(", ")
    };
    let suites: Vec<String> = settings.suites.iter().map(ToString::to_string).collect();
    let (generator, version) = (settings.generator, clean(&settings.generator_version));
    let (usable, system) = (machine.cores, &machine.system);
    let mut setting = vec![
        ("Date", date(record.started_unix_ms / 1000)),
        ("Took", time(record.elapsed_ms as f64 * 1e6)),
        (
            "Processor",
            format!("{}, {usable} cores usable", clean(&machine.cpu)),
        ),
        ("Memory", bytes(machine.memory_bytes as f64)),
        (
            "System",
            format!("{}, {}", clean(system), clean(&machine.kernel)),
        ),
        ("Environment", environment(record)),
        ("hullo", clean(&record.version)),
        ("Generator", format!("{generator} {version}")),
        ("Suites", suites.join(", ")),
        ("Rounds", rounds(record)),
        ("Server cores", cores(&settings.server_cpus)),
        ("Generator cores", cores(&settings.load_cpus)),
        ("Workers", settings.workers.to_string()),
        ("Path", clean(&settings.path)),
        ("Warm-up", warm_up(record)),
        ("Order", order(record)),
    ];
    setting.extend(protocols::setting(record).map(|how| ("TLS", how)));
    setting.extend(settings.server_host.iter().map(|host| {
        let (name, address, machine) = (clean(&host.name), clean(&host.address), &host.machine);
        let link = time(host.link_ns as f64);
        let what = format!(
            "{name} ({address}, round trip {link}): {}, {} cores usable, {}, {}",
            clean(&machine.cpu),
            machine.cores,
            clean(&machine.system),
            clean(&machine.kernel)
        );
        ("Server host", what)
    }));
    setting
}

/// What is known of it. What matters of it is a warning.
fn environment(record: &Record) -> String {
    let Some(of) = &record.environment else {
        return NONE.to_owned();
    };
    let on = |what: &str, is_on: Option<bool>| {
        let state = if is_on? { "on" } else { "off" };
        Some(format!("{what} {state}"))
    };
    let number = |what: &str, number: Option<u64>| Some(format!("{what} {}", number?));
    let machine = match &of.virtual_machine {
        Some(name) => format!("virtual machine ({})", clean(name)),
        None => "no virtual machine".to_owned(),
    };
    let governor = match of.governors.as_slice() {
        [] => "frequency not controlled here".to_owned(),
        names => format!("governor {}", clean(&names.join(", "))),
    };
    let quota = of
        .cpu_quota
        .map(|cores| format!("CPU limit {} cores", figure(cores)));
    let waiting = of
        .waiting
        .map(|share| format!("pressure at the start {}", percent(share)));
    let counters = of.no_counters.as_ref();
    let counters =
        counters.map(|why| format!("hardware counters not available here ({})", clean(why)));
    let known = [
        Some(machine),
        Some(governor),
        on("turbo", of.turbo),
        on("SMT", of.smt),
        quota,
        waiting,
        number("open files", Some(of.open_files)),
        number("somaxconn", of.somaxconn),
        number("client ports", of.client_ports),
        number("tcp_tw_reuse", of.tcp_tw_reuse),
        counters,
    ];
    known.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn rounds(record: &Record) -> String {
    let rounds = match rounds_run(record.summaries.iter()) {
        (0, _) => record.settings.rounds.to_string(),
        (_, rounds) => rounds,
    };
    match record.settings.processes_per_round {
        Some(number) => format!("{rounds}, with {number} processes of each server"),
        None => rounds,
    }
}

fn warm_up(record: &Record) -> String {
    let length = time(record.settings.warm_up_ns as f64);
    if record.settings.warm_up_until_steady != Some(true) {
        return length;
    }
    let warm_ups = record.results.iter().filter_map(|of| of.warm_up.as_ref());
    let longest = warm_ups.map(|warm_up| warm_up.elapsed_ns).max();
    let took = longest.map(|longest| format!("; the longest took {}", time(longest as f64)));
    format!(
        "until steady, given up after {length}{}",
        took.unwrap_or_default()
    )
}

fn order(record: &Record) -> String {
    match record.settings.seed {
        Some(seed) => format!("random in each round (--seed {seed})"),
        None => "as on the command line".to_owned(),
    }
}

/// `2026-11-24 02:00:00 UTC`.
pub(super) fn date(unix: u64) -> String {
    // httpdate's calendar ends with the year 9999.
    let time = UNIX_EPOCH + Duration::from_secs(unix.min(253_402_300_799));
    let text = httpdate::fmt_http_date(time);
    let fields: Vec<&str> = text.split(' ').collect();
    match fields.as_slice() {
        [_, day, month, year, clock, _] => {
            let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
            let month = months.find(month).unwrap_or(0) / 3 + 1;
            format!("{year}-{month:02}-{day} {clock} UTC")
        }
        _ => text,
    }
}

/// Which servers were not measured to the end, and why.
pub(super) fn outs(record: &Record) -> Vec<String> {
    let out = |target: &Target| {
        let reason = brief(target.out.as_ref()?);
        let is_measured = record.results.iter().any(|of| of.target == target.name);
        let how_far = if is_measured { " to the end" } else { "" };
        let (name, reason) = (clean(&target.name), reason.trim_end_matches('.'));
        Some(format!("{name} was not measured{how_far}: {reason}."))
    };
    record.targets.iter().filter_map(out).collect()
}

/// The beginning of a reason: what a program prints at its end may be a whole report.
pub(super) fn brief(text: &str) -> String {
    let text = clean(text);
    match text.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text,
    }
}

pub(super) fn warnings(record: &Record) -> Vec<String> {
    let sentence = |text: &String| format!("{}.", clean(text).trim_end_matches('.'));
    record.warnings.iter().map(sentence).collect()
}

/// The command line of the race, and those of the servers.
pub(super) fn commands(record: &Record) -> Vec<(String, String)> {
    let race: Vec<String> = record.command.iter().map(|word| shell(word)).collect();
    let mut commands = vec![("race".to_owned(), clean_block(&race.join(" ")))];
    for target in &record.targets {
        let command = match (&target.command, &target.url) {
            (Some(command), _) if target.https == Some(true) => {
                format!("{command}   # over https")
            }
            (Some(command), _) => command.clone(),
            (None, Some(url)) => format!("already running at {}", shell(url)),
            (None, None) => continue,
        };
        commands.push((clean(&target.name), clean_block(&command)));
    }
    commands
}

/// A word of a command line, quoted where a shell would read it otherwise.
pub(super) fn shell(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
