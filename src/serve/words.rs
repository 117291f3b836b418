//! Values of settings that are words.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Reads whether something is on or off.
///
/// # Errors
///
/// What is wrong with the text.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("not a switch: write on or off".to_owned()),
    }
}

/// Reads an address to listen on, in brackets perhaps.
///
/// # Errors
///
/// What is wrong with the text.
pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if bare == "localhost" {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    let address: IpAddr = bare.parse().map_err(|_| {
        "not an IP address: write 127.0.0.1 for this machine only, 0.0.0.0 for every network interface"
            .to_owned()
    })?;
    connectable(address)
}

/// Checks that clients can connect to an address.
///
/// # Errors
///
/// Why they cannot.
pub(super) fn connectable(address: IpAddr) -> Result<IpAddr, String> {
    if address.is_multicast() || address == Ipv4Addr::BROADCAST {
        return Err("a multicast or broadcast address, to which no client can connect".to_owned());
    }
    Ok(address)
}

/// Reads an address with a port, or `off`.
///
/// # Errors
///
/// What is wrong with the text.
pub(super) fn address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    let wrong = || "not an address with a port: write localhost:9090 or [::1]:9090".to_owned();
    let (name, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    // Without its brackets, the end of an IPv6 address would be taken for a port.
    if name.contains(':') && !name.ends_with(']') {
        return Err(wrong());
    }
    let port = port.parse().map_err(|_| wrong())?;
    Ok(Some((host(name)?, port).into()))
}
