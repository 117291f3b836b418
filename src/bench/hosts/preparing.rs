//! Before the run: hullo is on the host, and its clock has been compared with ours.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Child;

use super::super::machines::ClockDifference;
use super::ssh::{Ssh, last_line, quoted};
use super::unix_nanos;

/// The fastest of so many answers is the best comparison of two clocks.
const CLOCK_QUESTIONS: usize = 8;

/// A host that is ready.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub(super) ssh: &'a Ssh,
    /// hullo on the host.
    pub(super) binary: String,
    /// What was copied, to be removed.
    folder: Option<String>,
    pub(super) clock: ClockDifference,
}

impl<'a> Prepared<'a> {
    /// Copies `binary`, unless hullo is `there`. The error begins with the host.
    pub(super) fn new(
        ssh: &'a Ssh,
        binary: Option<&[u8]>,
        there: Option<&str>,
    ) -> Result<Self, String> {
        let said = |error: String| format!("{}: {error}", ssh.host);
        let mut host = Self {
            ssh,
            binary: there.unwrap_or_default().to_owned(),
            folder: None,
            clock: ClockDifference::default(),
        };
        if let Some(binary) = binary {
            let folder = copy(ssh, binary).map_err(said)?;
            host.binary = format!("{folder}/hullo");
            host.folder = Some(folder);
        }
        // The copy is removed when this fails.
        run(ssh, &format!("{} --version", quoted(&host.binary)), &[]).map_err(|error| {
            said(format!(
                "hullo does not run there: {error}. Copy one that does (deploy/static builds it), and name it with --hosts-binary"
            ))
        })?;
        host.clock = clock(ssh).map_err(said)?;
        Ok(host)
    }
}

impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // A host that is gone keeps it.
            let _ = run(self.ssh, &format!("rm -rf {}", quoted(folder)), &[]);
        }
    }
}

/// Returns the folder of the copy.
fn copy(ssh: &Ssh, binary: &[u8]) -> Result<String, String> {
    let script =
        "umask 077; d=$(mktemp -d) && cat >\"$d/hullo\" && chmod 700 \"$d/hullo\" && echo \"$d\"";
    let folder = run(ssh, script, binary)?;
    let folder = folder.trim_end();
    if folder.starts_with('/') && !folder.contains('\n') {
        Ok(folder.to_owned())
    } else {
        Err(format!("mktemp -d said {folder:?} there"))
    }
}

/// Runs a script to its end, and returns what it prints.
fn run(ssh: &Ssh, script: &str, input: &[u8]) -> Result<String, String> {
    let mut child = ssh.spawn(script)?;
    let mut stdin = child.stdin.take();
    if let Some(stdin) = &mut stdin {
        // If the other end does not read it, the exit code says why.
        let _ = stdin.write_all(input);
    }
    drop(stdin);
    let ended = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if ended.status.success() {
        Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
    } else {
        Err(last_line(&ended.stderr))
    }
}

fn clock(ssh: &Ssh) -> Result<ClockDifference, String> {
    let mut child = ssh.spawn("while read -r line; do date +%s%N; done")?;
    let best = ask_clock(&mut child);
    drop(child.stdin.take());
    let mut said = Vec::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.read_to_end(&mut said);
    }
    let _ = child.wait();
    best.ok_or_else(|| format!("cannot read its clock by date +%s%N: {}", last_line(&said)))
}

fn ask_clock(child: &mut Child) -> Option<ClockDifference> {
    let (stdin, stdout) = (child.stdin.as_mut()?, child.stdout.as_mut()?);
    let mut lines = BufReader::new(stdout).lines();
    let mut best: Option<ClockDifference> = None;
    for _ in 0..CLOCK_QUESTIONS {
        let asked = unix_nanos();
        stdin.write_all(b"\n").ok()?;
        let theirs = lines.next()?.ok()?.parse().ok()?;
        let difference = ClockDifference::of(asked, theirs, unix_nanos());
        if best.is_none_or(|best| difference.within_ns < best.within_ns) {
            best = Some(difference);
        }
    }
    best
}
