//! A URL: `http://host[:port]/path?query`, or `https`.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// The parts of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) is_https: bool,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The default of the `Host` field.
    pub(crate) authority: String,
    /// Path and query, never empty.
    pub(crate) path: String,
}

impl Url {
    /// Parses a URL. The error says what is wrong with it.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (is_https, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, _)) => {
                return Err(format!(
                    "{scheme}:// is not supported, only http:// and https://"
                ));
            }
            None => return Err(format!("the URL has no scheme: write http://{url}")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let path = format!("{slash}{path}");
        check_path(&path)?;
        let (host, port) = host_and_port(authority)?;
        let default = if is_https { 443 } else { 80 };
        Ok(Self {
            is_https,
            host: host.to_owned(),
            port: port.unwrap_or(default),
            authority: authority.to_owned(),
            path,
        })
    }

    /// Resolves the host. Returns its addresses, and how long the lookup took.
    pub(crate) fn resolve(&self) -> Result<(Vec<SocketAddr>, Duration), String> {
        let start = Instant::now();
        let failed = |error: io::Error| format!("{} has no address: {error}", self.host);
        let found = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(failed)?
            .collect::<Vec<_>>();
        if found.is_empty() {
            return Err(format!("{} has no address", self.host));
        }
        Ok((found, start.elapsed()))
    }
}

/// Refuses a path and query with a character that it cannot have.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    let is_wrong = |c: &char| !c.is_ascii_graphic() || "\"<>#".contains(*c);
    path.chars().find(is_wrong).map_or(Ok(()), |wrong| {
        Err(format!(
            "{wrong:?} is not allowed in the path of a URL: write it percent-encoded"
        ))
    })
}

/// The time to connect to one of several addresses.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The first address that accepts a connection, or else the first. A single address is not tried.
pub(crate) fn reachable(addresses: &[SocketAddr]) -> Option<SocketAddr> {
    let first = *addresses.first()?;
    if addresses.len() == 1 {
        return Some(first);
    }
    let accepts =
        |address: &&SocketAddr| TcpStream::connect_timeout(address, CONNECT_TIMEOUT).is_ok();
    Some(addresses.iter().find(accepts).copied().unwrap_or(first))
}

/// A name or an address without brackets, and the port if there is one.
pub(crate) fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), String> {
    if authority.contains('@') {
        return Err(
            "a URL must not contain credentials: use -a USER:PASSWORD, or -u in a curl command"
                .to_owned(),
        );
    }
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or_else(|| format!("{authority} has no closing bracket"))?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port),
            None if after.is_empty() => None,
            None => return Err(format!("{after} cannot follow [{host}]")),
        };
        (host, port)
    } else {
        match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(format!(
                    "an IPv6 address needs brackets: http://[{authority}]/"
                ));
            }
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._:%".contains(c);
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(format!("{host:?} is not a host name"));
    }
    let port = match port {
        None | Some("") => None,
        Some(port) => match port.parse() {
            Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(number)
            }
            _ => {
                return Err(format!(
                    "{port} is not a port: a port is a number from 1 to 65535"
                ));
            }
        },
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, host: &str, port: u16, authority: &str, path: &str) {
        let expected = Url {
            is_https: url.starts_with("https"),
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
            path: path.to_owned(),
        };
        assert_eq!(Url::parse(url), Ok(expected), "{url}");
    }

    #[test]
    fn parses_urls() {
        check("http://a", "a", 80, "a", "/");
        check("HTTP://a.b:8080", "a.b", 8080, "a.b:8080", "/");
        check("http://a:/", "a", 80, "a:", "/");
        check("http://a/b/c?d=e&f#g", "a", 80, "a", "/b/c?d=e&f");
        check("http://a?x=http://y/", "a", 80, "a", "/?x=http://y/");
        check("http://a#x", "a", 80, "a", "/");
        check(
            "http://127.0.0.1:65535//",
            "127.0.0.1",
            65535,
            "127.0.0.1:65535",
            "//",
        );
        check("http://[::1]:81/x", "::1", 81, "[::1]:81", "/x");
        check("http://[::1]", "::1", 80, "[::1]", "/");
        check("http://a/{n}%20", "a", 80, "a", "/{n}%20");
        check("https://a/b", "a", 443, "a", "/b");
        check("https://a:8443", "a", 8443, "a:8443", "/");
    }

    #[test]
    fn bad_urls_are_refused_with_a_reason() {
        for (url, word) in [
            ("ftp://a/", "only http:// and https://"),
            ("localhost:8080/x", "http://localhost:8080/x"),
            ("", "no scheme"),
            ("http://", "not a host name"),
            ("http:///x", "not a host name"),
            ("http://:80/", "not a host name"),
            ("http://a b/", "not a host name"),
            ("http://u:p@a/", "-a USER"),
            ("http://a:0/", "not a port"),
            ("http://a:65536/", "not a port"),
            ("http://a:+80/", "not a port"),
            ("http://a:x/", "not a port"),
            ("http://::1/", "brackets"),
            ("http://[::1/", "bracket"),
            ("http://[::1]80/", "cannot follow"),
            ("http://a/b c", "percent-encoded"),
            ("http://a/\u{e9}", "percent-encoded"),
            ("http://a/x\r\ny", "percent-encoded"),
        ] {
            let error = Url::parse(url).unwrap_err();
            assert!(error.contains(word), "{url}: {error}");
        }
    }

    #[test]
    fn of_several_addresses_the_one_that_accepts_is_used() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(reachable(&[closed, open]), Some(open));
        assert_eq!(reachable(&[closed, closed]), Some(closed));
        assert_eq!(reachable(&[closed]), Some(closed));
        assert_eq!(reachable(&[]), None);
    }
}
