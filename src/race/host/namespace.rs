//! Network namespaces: they live as long as the processes in them, so there is nothing to remove.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// Makes this process root of a user namespace, unless it is root. To be called before it has threads.
pub(super) fn become_root() -> Result<(), String> {
    let (user, group) = (geteuid(), getegid());
    if user.is_root() {
        return Ok(());
    }
    let wrong = |error: String| {
        format!(
            "--netns takes root, or a system on which users may make namespaces (try: unshare -r true): {error}"
        )
    };
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| wrong(error.to_string()))?;
    for (file, map) in [
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("0 {user} 1")),
        ("gid_map", format!("0 {group} 1")),
    ] {
        let written = fs::write(format!("/proc/self/{file}"), map);
        written.map_err(|error| wrong(format!("{file}: {error}")))?;
    }
    Ok(())
}

/// Puts this process, and all that it starts from here on, into a network namespace of its own.
pub(in crate::race) fn enter_network() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWNET)
        .map_err(|error| format!("--netns takes root, or unshare -r: {error}"))?;
    ip(&["link", "set", "lo", "up"])
}

/// Makes a pair of devices between this namespace and that of a process.
pub(super) fn connect(here: &str, there: &str, process: u32) -> Result<(), String> {
    let process = process.to_string();
    let pair = ["link", "add", here, "type", "veth", "peer", "name", there];
    ip(&[&pair[..], &["netns", &process]].concat())
}

/// Gives a device its address.
pub(in crate::race) fn set_up(device: &str, address: Ipv4Addr) -> Result<(), String> {
    let network = format!("{address}/24");
    ip(&["address", "add", &network, "dev", device])?;
    ip(&["link", "set", device, "up"])
}

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).output();
    let output = output.map_err(|error| {
        format!(
            "--netns: ip cannot be run: {error}; install it (on Debian: apt-get install iproute2)"
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("--netns: ip {}: {}", words.join(" "), said.trim()))
}
