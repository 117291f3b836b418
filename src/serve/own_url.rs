//! The URL of a server that was started with the same environment as this process.

use std::net::Ipv4Addr;

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
    if let Some(Listen::Unix { path, .. }) = listeners.first() {
        return Ok(format!("unix:{}", path.display()));
    }
    let mut addresses = listeners.iter().flat_map(Listen::addresses);
    let mut address = addresses
        .next()
        .ok_or("there is no address: give the URL")?;
    // A server on every interface is on this one too: by IPv4 in any case, by IPv6 if the machine has it.
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok(format!("http://{address}/"))
}
