//! How an agent is started, and spoken to.

use std::fs::File;
use std::io::{self, BufReader};
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::orders::{NETNS, Order, WORD};
use super::{Host, Pipe, namespace};
use crate::race::guard::THIS;

/// Both ends of the pair of devices between two namespaces. Nothing else is in them, so the addresses are free.
const LOAD_END: (&str, Ipv4Addr) = ("hullo-load", Ipv4Addr::new(10, 213, 77, 1));
const SERVER_END: (&str, Ipv4Addr) = ("hullo-server", Ipv4Addr::new(10, 213, 77, 2));

/// Where nothing arrives any more, ssh ends after 30 s, as the agent does, and the race with the reason.
const ALIVE_INTERVAL: &str = "ServerAliveInterval=10";
const ALIVE_COUNT: &str = "ServerAliveCountMax=3";

/// Copies this program to a machine and starts it there. `ssh`: the program, and its own flags.
pub(in crate::race) fn over_ssh(name: &str, ssh: &str) -> Result<Arc<Host>, String> {
    let wrong = |error: String| format!("--server-host {name}: {error}; try: {ssh} {name} true");
    let address = address(name, ssh).map_err(wrong)?;
    let copy = r#"d=$(mktemp -d) && cat > "$d/hullo" && chmod 700 "$d/hullo" && echo "$d""#;
    let this = File::open(THIS).map_err(|error| wrong(error.to_string()))?;
    let folder = output(command(ssh, &[name, copy]).stdin(this)).map_err(wrong)?;
    let folder = folder.trim();
    let start = format!("exec '{folder}/hullo' {WORD} '{folder}' {address}");
    let pipe = pipe(&mut command(ssh, &[name, &start]));
    let host = pipe.and_then(|pipe| Host::of(name, address, false, pipe));
    host.map_err(wrong)
}

/// Starts an agent in a network namespace of its own, with a pair of devices between it and this process, which
/// enters one too. They end with these processes.
pub(in crate::race) fn through_netns() -> Result<Arc<Host>, String> {
    namespace::become_root()?;
    namespace::enter_network()?;
    let (device, address) = SERVER_END;
    let mut agent = Command::new(THIS);
    let words = [WORD, NETNS, &address.to_string()];
    let mut pipe = pipe(agent.arg0("hullo").args(words).process_group(0))?;
    // Its namespace is there once it answers.
    pipe.ask(&Order::Ping)?;
    namespace::connect(LOAD_END.0, device, pipe.child.id())?;
    namespace::set_up(LOAD_END.0, LOAD_END.1)?;
    let device = device.to_owned();
    pipe.ask(&Order::SetUp { device, address })?;
    Host::of(NETNS, address.into(), true, pipe)
}

/// The address that ssh connects to.
fn address(name: &str, ssh: &str) -> Result<IpAddr, String> {
    let settings = output(command(ssh, &["-G", name]).stdin(Stdio::null()))?;
    let mut lines = settings.lines();
    let host = lines.find_map(|line| line.strip_prefix("hostname "));
    let host = host.unwrap_or(name).trim();
    let found = (host, 0).to_socket_addrs();
    let mut found = found.map_err(|error| format!("{host}: {error}"))?;
    let address = found
        .next()
        .ok_or_else(|| format!("{host} has no address"))?;
    Ok(address.ip())
}

/// It asks for nothing, and gets no signal from the terminal: the race ends it.
fn command(ssh: &str, words: &[&str]) -> Command {
    let mut parts = ssh.split_whitespace();
    let mut command = Command::new(parts.next().unwrap_or("ssh"));
    command
        .args(parts)
        .args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"])
        .args(["-o", ALIVE_INTERVAL, "-o", ALIVE_COUNT])
        .args(words)
        .process_group(0);
    command
}

fn output(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().display().to_string();
    let output = command.output();
    let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, said.trim()))
}

fn pipe(command: &mut Command) -> Result<Pipe, String> {
    let mut start = || {
        let errors = tempfile::tempfile()?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.try_clone()?)
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = output.ok_or_else(|| io::Error::other("no output"))?;
        Ok(Pipe {
            child,
            input,
            output: BufReader::new(output),
            errors,
        })
    };
    start().map_err(|error: io::Error| format!("the agent cannot be started: {error}"))
}
