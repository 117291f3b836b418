//! `--hosts`: the same run on several machines at once, by ssh.
//!
//! ```text
//!  each host:  prepare (copy the binary, compare the clocks) ─> run (at a time agreed on) ─> its result
//!                                                                                             └─ merge
//! ```
//!
//! ssh is the only thing that hosts need. The runs begin at the same time, by the clock of each host and what
//! is known of it. Standard input of a run stays open as long as it is wanted: when it ends, because another host
//! failed, the user asked for it, or this process or the network is gone, so does the run.

mod arguments;
mod flags;
mod preparing;
mod running;
mod ssh;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) use self::arguments::arguments;
pub(super) use self::flags::HostsFlags;
use self::preparing::Prepared;
use self::running::Running;
use self::ssh::Ssh;
use super::merge;
use super::report::Report;

/// From the last preparation to the first request: for ssh to connect once more.
const LEAD_NANOS: u64 = 2_000_000_000;

/// Runs `hullo bench` with these arguments on all hosts. Returns the joined result.
pub(super) fn run(
    flags: &HostsFlags,
    seed: u64,
    arguments: &[String],
    stop: &AtomicBool,
) -> Result<Report, String> {
    let hosts = checked(&flags.hosts)?;
    let binary = match &flags.hosts_binary {
        Some(_) => None,
        None => Some(ssh::own_binary()?),
    };
    let ssh: Vec<Ssh> = hosts
        .iter()
        .map(|host| Ssh::new(&flags.ssh, host))
        .collect();
    let prepared: Vec<Result<Prepared, String>> = thread::scope(|scope| {
        let prepare = |ssh| {
            let (binary, there) = (binary.as_deref(), flags.hosts_binary.as_deref());
            scope.spawn(move || Prepared::new(ssh, binary, there))
        };
        let threads: Vec<_> = ssh.iter().map(prepare).collect();
        let panicked = |_| Err("a thread panicked".to_owned());
        let threads = threads.into_iter();
        threads
            .map(|thread| thread.join().unwrap_or_else(panicked))
            .collect()
    });
    // What has been copied is removed when this ends.
    let (ready, failed): (Vec<_>, Vec<_>) = prepared.into_iter().partition(Result::is_ok);
    if let Some(Err(error)) = failed.into_iter().next() {
        return Err(format!("{error}: nothing was run"));
    }
    let ready: Vec<Prepared> = ready.into_iter().flatten().collect();
    if stop.load(Ordering::Relaxed) {
        return Err("interrupted: nothing was run".to_owned());
    }
    let start = unix_nanos().saturating_add(LEAD_NANOS);
    let running: Result<Vec<Running>, String> = ready
        .iter()
        .zip(0..)
        .map(|(host, number)| Running::new(host, &with_seed(arguments, seed, number), start))
        .collect();
    let results = running::wait(running?, stop);
    // Each removes its copy: all at once.
    thread::scope(|scope| {
        for host in ready {
            scope.spawn(move || drop(host));
        }
    });
    let results = results?;
    let results = results
        .into_iter()
        .map(|(host, clock, report)| (host, Some(clock), Ok(report)));
    merge::join(results).map(|(report, _)| report)
}

/// Each host has random numbers of its own: with the same, all would send at the same moments, which is not random.
fn with_seed(arguments: &[String], seed: u64, number: u64) -> Vec<String> {
    let seed = format!("--seed={}", seed.wrapping_add(number));
    [&[seed], arguments].concat()
}

/// Each host once: two generators on one machine measure each other.
fn checked(hosts: &[String]) -> Result<&[String], String> {
    let mut seen = BTreeSet::new();
    for host in hosts {
        if host.is_empty() || host.starts_with('-') || host.chars().any(char::is_whitespace) {
            return Err(format!("--hosts: {host:?} is not a host of ssh"));
        }
        if !seen.insert(host) {
            return Err(format!("--hosts: {host} is given twice"));
        }
    }
    Ok(hosts)
}

fn unix_nanos() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_random_numbers_of_their_own() {
        let given = ["--rate=5".to_owned()];
        assert_eq!(with_seed(&given, 7, 0), ["--seed=7", "--rate=5"]);
        assert_eq!(with_seed(&given, 7, 2), ["--seed=9", "--rate=5"]);
    }
}
