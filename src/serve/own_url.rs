//! The URL of a server that was started with the same environment as this process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::flags::Flags;

/// Where a server without flags listens: by `HULLO_HOST` and `HULLO_PORT` or `PORT`.
///
/// # Errors
///
/// A sentence that names the variable whose value is wrong.
pub(crate) fn own_url() -> Result<String, String> {
    let config = Flags::default().config(|name| std::env::var_os(name))?;
    let mut address = config.options.address;
    // A server on every interface is on this one.
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("http://{address}/"))
}
