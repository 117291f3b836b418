//! ssh: a command on a host.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// Never ask at a terminal; notice in time that a host is unreachable or gone.
const OPTIONS: &[&str] = &[
    "BatchMode=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
];

/// How to reach a host.
#[derive(Clone, Debug)]
pub(super) struct Ssh {
    /// ssh and its options.
    words: Vec<String>,
    pub(super) host: String,
}

impl Ssh {
    pub(super) fn new(command: &str, host: &str) -> Self {
        let words = command.split_whitespace().map(str::to_owned);
        let options = OPTIONS.iter().flat_map(|option| ["-o", option]);
        Self {
            words: words.chain(options.map(str::to_owned)).collect(),
            host: host.to_owned(),
        }
    }

    /// Runs a script of sh on the host. All streams are pipes.
    pub(super) fn spawn(&self, script: &str) -> Result<Child, String> {
        let (program, options) = self.words.split_first().ok_or("--ssh is empty")?;
        let mut command = Command::new(program);
        command
            .args(options)
            .arg("--")
            .arg(&self.host)
            // Whatever the user's shell there is.
            .arg(format!("exec sh -c {}", quoted(script)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for this process, which ends the others in order.
            .process_group(0);
        let not_found = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                format!("{program} is not installed: install openssh-client, or name it with --ssh")
            }
            _ => format!("cannot run {program}: {error}"),
        };
        command.spawn().map_err(not_found)
    }
}

/// A word of a shell.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// This program.
pub(super) fn own_binary() -> Result<Vec<u8>, String> {
    let bytes = std::env::current_exe().and_then(fs::read);
    bytes.map_err(|error| format!("cannot read this binary to copy it: {error}"))
}

/// The last line of what a command said on standard error.
pub(super) fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("ssh said nothing").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for word in ["", "a b", "it's", "$(x) `y` \"z\" \\", "'", "a\nb"] {
            let script = format!("printf %s {}", quoted(word));
            let ran = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(ran.stdout).unwrap(), word);
        }
    }
}
