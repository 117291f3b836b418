//! The URL of a server that was started with the same environment as this process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::flags::Flags;
use super::listen::Listen;

/// Where a server without flags listens: the first address of `HULLO_LISTEN`, or by `HULLO_HOST` and `HULLO_PORT` or
/// `PORT`.
///
/// # Errors
///
/// A sentence that names the variable whose value is wrong.
pub(crate) fn own_url() -> Result<String, String> {
    let config = Flags::default().config(|name| std::env::var_os(name))?;
    let listeners = config.listeners(false);
    let mut addresses = listeners.iter().flat_map(Listen::addresses);
    let mut address = addresses
        .next()
        .ok_or("HULLO_LISTEN has no address with a port: give the URL")?;
    // A server on every interface is on this one.
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("http://{address}/"))
}
