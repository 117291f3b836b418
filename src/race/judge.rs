//! Whether the machine let a race be trusted: a sentence for each thing that mattered, and none for the rest.

use super::environment::{Disturbance, Environment};
use super::format::{count, percent, time};
use super::record::{Measurement, Record, Test};

/// Shares of the cores' time that move figures by more than the resolution of a race.
const STEAL_MAX: f64 = 0.02;
const OTHERS_MAX: f64 = 0.05;
/// Before the race.
const WAITING_MAX: f64 = 0.05;
/// In less time, the ticks in which the system counts are too coarse.
const COUNTED_NS_MIN: u64 = 500_000_000;
/// Besides its connections.
const FILES_BESIDE: u64 = 200;

/// In the order of the settings, then of what was measured.
pub(super) fn of(record: &Record) -> Vec<String> {
    let Some(environment) = &record.environment else {
        return Vec::new();
    };
    let settings = [
        frequency(environment, &record.tests),
        siblings(environment),
        waiting(environment),
        files(environment, &record.tests),
        backlog(environment, &record.tests),
        ports(environment, record),
    ];
    let measured = [steal(record), throttled(record), others(record)];
    settings.into_iter().chain(measured).flatten().collect()
}

/// A clock that follows the load makes a server that is asked for less dearer.
fn frequency(environment: &Environment, tests: &[Test]) -> Option<String> {
    let governors: Vec<&str> = environment.governors.iter().map(String::as_str).collect();
    if governors.iter().any(|governor| *governor != "performance") {
        return Some(format!(
            "The frequency governor is {}: the clock of the cores follows the load, so the same work takes more CPU time at a low rate (cpupower frequency-set -g performance)",
            governors.join(" and ")
        ));
    }
    let is_turbo = environment.turbo == Some(true) && tests.iter().any(Test::is_open_model);
    is_turbo.then(|| "Turbo is on: how fast the cores run depends on how many are busy and how hot they are, so CPU times at different rates are not of the same clock".to_owned())
}

fn siblings(environment: &Environment) -> Option<String> {
    environment.siblings_shared.then(|| "Servers and load run on threads of the same physical cores, so each slows the other down: choose others with --cpus and --load-cpus".to_owned())
}

fn waiting(environment: &Environment) -> Option<String> {
    let waiting = environment.waiting.filter(|share| *share > WAITING_MAX)?;
    Some(format!(
        "When the race began, programs had waited for a core {} of the last 10 s: the machine was not quiet (--quiet-wait 1m waits until it is)",
        percent(waiting)
    ))
}

fn files(environment: &Environment, tests: &[Test]) -> Option<String> {
    let all = tests
        .iter()
        .map(|test| test.connections + test.idle_connections);
    let most = all.max()?;
    let limit = environment.open_files;
    (most + FILES_BESIDE > limit).then(|| {
        format!(
            "A process may have {} open files, which is too few for {} connections and what else it needs: run ulimit -n {}",
            count(limit),
            count(most),
            most + FILES_BESIDE
        )
    })
}

fn backlog(environment: &Environment, tests: &[Test]) -> Option<String> {
    let most = tests.iter().map(|test| test.connections).max()?;
    let limit = environment.somaxconn.filter(|limit| *limit < most)?;
    Some(format!(
        "net.core.somaxconn is {}, fewer than the {} connections that are opened at once: some wait a second to be accepted (sysctl net.core.somaxconn=4096)",
        count(limit),
        count(most)
    ))
}

/// A connection that the client has closed keeps its port for a minute.
fn ports(environment: &Environment, record: &Record) -> Option<String> {
    let is_short = |of: &&Measurement| {
        let mut tests = record.tests.iter();
        tests.any(|test| test.id == of.test && !test.keepalive)
    };
    let most = record.results.iter().filter(is_short).map(|of| of.requests);
    let (most, ports) = (most.max()?, environment.client_ports?);
    let are_lost = environment.tcp_tw_reuse == Some(0) && most > ports / 2;
    are_lost.then(|| {
        format!(
            "net.ipv4.tcp_tw_reuse is 0, and a measurement opened {} connections with {} ports: a closed connection keeps its port for a minute, so ports may have run out (sysctl net.ipv4.tcp_tw_reuse=2)",
            count(most),
            count(ports)
        )
    })
}

/// How many measurements were disturbed more than that, of how many, and the worst.
fn disturbed(
    record: &Record,
    most: f64,
    of: impl Fn(&Disturbance) -> Option<f64>,
) -> Option<(f64, String)> {
    let long = record.results.iter();
    let long = long.filter(|result| result.elapsed_ns >= COUNTED_NS_MIN);
    let all = long.filter_map(|result| of(result.disturbance.as_ref()?));
    let all: Vec<f64> = all.collect();
    let above: Vec<f64> = all.iter().copied().filter(|share| *share > most).collect();
    let worst = above.iter().copied().reduce(f64::max)?;
    Some((
        worst,
        format!("in {} of {} measurements", above.len(), all.len()),
    ))
}

fn steal(record: &Record) -> Option<String> {
    let (worst, how_often) = disturbed(record, STEAL_MAX, |of| of.steal)?;
    Some(format!(
        "The hypervisor gave the cores to others {how_often}, for up to {} of the time: the server seems slower than it is",
        percent(worst)
    ))
}

fn throttled(record: &Record) -> Option<String> {
    let throttled = |of: &Disturbance| of.throttled_ns.map(|nanos| nanos as f64);
    let (worst, how_often) = disturbed(record, 0.0, throttled)?;
    let quota = record.environment.as_ref().and_then(|of| of.cpu_quota);
    let quota = quota.map_or(String::new(), |cores| format!(" of {cores:.1} cores"));
    Some(format!(
        "The cgroup's CPU limit{quota} stopped the race {how_often}, for up to {}: requests/s and latencies are those of the limit",
        time(worst)
    ))
}

fn others(record: &Record) -> Option<String> {
    let (worst, how_often) = disturbed(record, OTHERS_MAX, |of| of.others)?;
    Some(format!(
        "Other programs used more than {} of all cores' time {how_often}, up to {} (--quiet-wait 1m waits until they do not)",
        percent(OTHERS_MAX),
        percent(worst)
    ))
}

#[cfg(test)]
mod tests {
    use super::super::record::Suite;
    use super::super::report::sample::{record, servers};
    use super::*;

    /// What is said after a change, where nothing was said before.
    #[track_caller]
    fn said(change: impl Fn(&mut Record)) -> Vec<String> {
        let mut race = record(&servers(2), &[Suite::Churn, Suite::Cost], 3);
        assert_eq!(of(&race), [""; 0]);
        change(&mut race);
        of(&race)
    }

    fn environment(change: impl Fn(&mut Environment)) -> Vec<String> {
        said(|race| change(race.environment.as_mut().unwrap()))
    }

    #[track_caller]
    fn says(said: &[String], words: &[&str]) {
        assert_eq!(said.len(), 1, "{said:?}");
        for words in words {
            assert!(said[0].contains(words), "{words}: {said:?}");
        }
    }

    #[test]
    fn settings_that_matter_are_told() {
        says(
            &environment(|of| of.governors = vec!["performance".into(), "powersave".into()]),
            &["governor is performance and powersave", "cpupower"],
        );
        says(&environment(|of| of.turbo = Some(true)), &["Turbo is on"]);
        says(&environment(|of| of.siblings_shared = true), &["--cpus"]);
        says(
            &environment(|of| of.waiting = Some(0.3)),
            &["30 % of the last 10 s"],
        );
        says(
            &environment(|of| of.open_files = 256),
            &["256 open files", "ulimit -n 300"],
        );
        says(
            &environment(|of| of.somaxconn = Some(64)),
            &["somaxconn is 64"],
        );
        // They do no harm.
        let harmless: [fn(&mut Environment); 5] = [
            |of| of.governors = vec!["performance".into()],
            |of| of.turbo = Some(false),
            |of| of.smt = Some(true),
            |of| of.virtual_machine = Some("KVM".into()),
            |of| (of.tcp_tw_reuse, of.client_ports) = (Some(2), Some(1000)),
        ];
        for change in harmless {
            assert_eq!(environment(change), [""; 0]);
        }
    }

    #[test]
    fn ports_matter_where_connections_are_short() {
        let short = |keepalive: bool| {
            said(|race| {
                race.environment.as_mut().unwrap().tcp_tw_reuse = Some(0);
                race.tests[0].keepalive = keepalive;
            })
        };
        assert_eq!(short(true), [""; 0]);
        says(&short(false), &["tcp_tw_reuse is 0", "28,232 ports"]);
    }

    #[test]
    fn what_disturbed_measurements_is_told_with_how_many() {
        let disturbed = |change: fn(&mut Disturbance)| {
            said(|race| {
                for result in race.results.iter_mut().take(2) {
                    change(result.disturbance.as_mut().unwrap());
                }
            })
        };
        says(
            &disturbed(|of| of.steal = Some(0.12)),
            &["hypervisor", "2 of 30", "12 %"],
        );
        says(
            &disturbed(|of| of.others = Some(0.34)),
            &["Other programs", "34 %", "2 of 30"],
        );
        says(
            &disturbed(|of| of.throttled_ns = Some(1_200_000_000)),
            &["cgroup's CPU limit of 1.5 cores stopped", "1.20 s"],
        );
        assert_eq!(disturbed(|of| of.waiting = Some(0.9)), [""; 0]);
    }

    #[test]
    fn an_older_record_says_nothing() {
        assert_eq!(said(|race| race.environment = None), [""; 0]);
    }
}
