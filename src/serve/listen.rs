//! Where to listen, as `--listen` says it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use nix::unistd::{Group, User};

use super::words::connectable;
use crate::server::SocketPermissions;

/// A place to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listen {
    /// Every network interface, IPv6 and IPv4: `8080` or `:8080`.
    Everywhere(u16),
    /// 127.0.0.1 and, if there is IPv6, `::1`.
    Localhost(u16),
    Address(SocketAddr),
    Unix {
        path: PathBuf,
        permissions: SocketPermissions,
    },
}

const FORMS: &str =
    "write 8080, 127.0.0.1:8080, [::1]:8080, localhost:8080 or unix:/path/to/socket";

impl Listen {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and what would be right.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(unix) = text.strip_prefix("unix:") {
            return parse_unix(unix);
        }
        let (host, port) = match text.rsplit_once(':') {
            None => ("", text),
            Some((host, port)) => (host, port),
        };
        // An address of IPv6 has colons of its own; [::1] has no port.
        if host.contains(':') && !host.starts_with('[') || port.ends_with(']') {
            return Err(format!("{text} is not an address with a port: {FORMS}"));
        }
        let Ok(port) = port.parse() else {
            return Err(match text.parse::<IpAddr>() {
                Ok(address) => {
                    format!("there is no port: write {}", SocketAddr::new(address, 8080))
                }
                Err(_) => format!("{port} is not a port from 0 to 65535: {FORMS}"),
            });
        };
        match host {
            "" => Ok(Self::Everywhere(port)),
            "localhost" => Ok(Self::Localhost(port)),
            _ => {
                let address = format!("{host}:{port}").parse::<SocketAddr>();
                let address = address
                    .map_err(|_| format!("{host} is not an IP address or localhost: {FORMS}"))?;
                connectable(address.ip())?;
                Ok(Self::Address(address))
            }
        }
    }

    /// Reads several, with spaces between them.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse); there is none.
    pub(super) fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let has_space = text.trim().contains(|c: char| c.is_ascii_whitespace());
        let parse = |one| match Self::parse(one) {
            Err(error) if has_space && text.contains("unix:") => Err(format!(
                "{error}; a space ends an address, also in the path of a socket"
            )),
            parsed => parsed,
        };
        let list = text.split_ascii_whitespace().map(parse);
        let list: Vec<Self> = list.collect::<Result<_, _>>()?;
        if list.is_empty() {
            return Err(format!("there is no address: {FORMS}"));
        }
        Ok(list)
    }

    /// The addresses to bind, the first of which has to be there.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        match *self {
            Self::Everywhere(port) => vec![(Ipv6Addr::UNSPECIFIED, port).into()],
            Self::Localhost(port) => vec![
                (Ipv4Addr::LOCALHOST, port).into(),
                (Ipv6Addr::LOCALHOST, port).into(),
            ],
            Self::Address(address) => vec![address],
            Self::Unix { .. } => Vec::new(),
        }
    }

    /// Whether it cannot be listened on beside `other`.
    fn overlaps(&self, other: &Self) -> bool {
        if let (Self::Unix { path, .. }, Self::Unix { path: other, .. }) = (self, other) {
            return path == other;
        }
        let pairs = self.addresses().into_iter().flat_map(|one| {
            let others = other.addresses().into_iter();
            others.map(move |other| (one, other))
        });
        pairs.into_iter().any(|(one, other)| {
            one.port() != 0
                && one.port() == other.port()
                && (one.ip() == other.ip()
                    || covers(one.ip(), other.ip())
                    || covers(other.ip(), one.ip()))
        })
    }
}

/// Whether `all` stands for each address of the family of `one`. `::` is for both families.
fn covers(all: IpAddr, one: IpAddr) -> bool {
    all.is_unspecified() && (all.is_ipv6() || one.is_ipv4())
}

/// Checks that all of them can be listened on at once.
///
/// # Errors
///
/// A sentence that says which are too many.
pub(super) fn check(list: &[Listen]) -> Result<(), String> {
    for (place, one) in list.iter().enumerate() {
        let mut others = list.iter().skip(place + 1);
        if let Some(other) = others.find(|other| one.overlaps(other)) {
            return Err(format!(
                "--listen {one} and --listen {other} are for the same address: leave one out"
            ));
        }
    }
    Ok(())
}

impl fmt::Display for Listen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere(port) => write!(out, ":{port}"),
            Self::Localhost(port) => write!(out, "localhost:{port}"),
            Self::Address(address) => write!(out, "{address}"),
            Self::Unix { path, permissions } => {
                write!(out, "unix:{}", path.display())?;
                if let Some(mode) = permissions.mode {
                    write!(out, ",mode={mode:o}")?;
                }
                match (permissions.user, permissions.group) {
                    (None, None) => Ok(()),
                    (Some(user), None) => write!(out, ",owner={user}"),
                    (None, Some(group)) => write!(out, ",owner=:{group}"),
                    (Some(user), Some(group)) => write!(out, ",owner={user}:{group}"),
                }
            }
        }
    }
}

/// Reads `/path,mode=660,owner=user:group`.
fn parse_unix(text: &str) -> Result<Listen, String> {
    let mut parts = text.split(',');
    let path = parts.next().unwrap_or_default();
    if path.is_empty() || path.starts_with('@') || path.contains('\0') {
        return Err(
            "the path of a file has to follow unix: such as unix:/run/hullo.sock".to_owned(),
        );
    }
    let mut permissions = SocketPermissions::default();
    for option in parts {
        permissions = match option.split_once('=') {
            Some(("mode", mode)) if permissions.mode.is_none() => {
                permissions.mode(parse_mode(mode)?)
            }
            Some(("owner", owner)) if (permissions.user, permissions.group) == (None, None) => {
                let (user, group) = parse_owner(owner)?;
                permissions.user(user).group(group)
            }
            Some((name @ ("mode" | "owner"), _)) => {
                return Err(format!("{name} is given twice: leave one out"));
            }
            _ => {
                return Err(format!(
                    "{option:?} is not an option of a Unix socket: write mode=660 or owner=user:group"
                ));
            }
        };
    }
    let path = path.into();
    Ok(Listen::Unix { path, permissions })
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| format!("{text} is not a mode: write one in octal, such as mode=660"))
}

/// Reads `user`, `user:group` or `:group`, names or numbers.
fn parse_owner(text: &str) -> Result<(Option<u32>, Option<u32>), String> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    if user.is_empty() && group.is_empty() {
        return Err(
            "no owner is given: write owner=user, owner=user:group or owner=:group".to_owned(),
        );
    }
    let id = |name: &str, kind: &str, table: &str, find: fn(&str) -> nix::Result<Option<u32>>| {
        if name.is_empty() {
            return Ok(None);
        }
        let id = name.parse().ok().or_else(|| find(name).ok().flatten());
        id.map(Some).ok_or_else(|| {
            format!("there is no {kind} called {name}: list them with getent {table}")
        })
    };
    let user = id(user, "user", "passwd", |name| {
        Ok(User::from_name(name)?.map(|user| user.uid.as_raw()))
    });
    let group = id(group, "group", "group", |name| {
        Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()))
    });
    Ok((user?, group?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_and_written() {
        for (text, written) in [
            ("8080", ":8080"),
            (":8080", ":8080"),
            ("0", ":0"),
            ("localhost:8080", "localhost:8080"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("0.0.0.0:1", "0.0.0.0:1"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::]:65535", "[::]:65535"),
            ("unix:/run/h.sock", "unix:/run/h.sock"),
            ("unix:h.sock,mode=660", "unix:h.sock,mode=660"),
            (
                "unix:/a b,owner=root:root,mode=0600",
                "unix:/a b,mode=600,owner=0:0",
            ),
            ("unix:/a,owner=7", "unix:/a,owner=7"),
            ("unix:/a,owner=:root", "unix:/a,owner=:0"),
        ] {
            let listen = Listen::parse(text).unwrap();
            assert_eq!(listen.to_string(), written, "{text}");
            assert_eq!(Listen::parse(written), Ok(listen), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_refused_with_a_sentence() {
        for (text, part) in [
            ("", "is not a port"),
            ("port", "port is not a port from 0 to 65535: write 8080"),
            ("65536", "is not a port"),
            ("127.0.0.1", "there is no port: write 127.0.0.1:8080"),
            ("::1", "::1 is not an address with a port"),
            ("[::1]", "[::1] is not an address with a port"),
            ("::1:8080", "is not an address with a port"),
            (
                "example.com:80",
                "example.com is not an IP address or localhost",
            ),
            ("http://127.0.0.1:80", "is not an address with a port"),
            ("224.0.0.1:80", "multicast"),
            ("unix:", "the path of a file has to follow unix:"),
            ("unix:@name", "the path of a file has to follow unix:"),
            ("unix:/a,mode=888", "888 is not a mode"),
            ("unix:/a,mode=7777", "7777 is not a mode"),
            ("unix:/a,mode=600,mode=660", "mode is given twice"),
            ("unix:/a,owner=0,owner=1", "owner is given twice"),
            ("unix:/a,owner=", "no owner is given"),
            (
                "unix:/a,owner=no-such-user",
                "there is no user called no-such-user",
            ),
            (
                "unix:/a,owner=0:no-such-group",
                "there is no group called no-such-group",
            ),
            ("unix:/a,user=root", "\"user=root\" is not an option"),
            ("unix:/a,", "\"\" is not an option"),
        ] {
            let error = Listen::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!(Listen::parse_list(" ").is_err());
        let error = Listen::parse_list("unix:/a b").unwrap_err();
        assert!(error.contains("b is not a port") && error.contains("a space ends"));
    }

    #[test]
    fn what_overlaps_is_refused() {
        let checked = |text: &str| check(&Listen::parse_list(text).unwrap());
        for text in [
            "8080 8080",
            "8080 127.0.0.1:8080",
            "127.0.0.1:8080 [::]:8080",
            "0.0.0.0:80 127.0.0.1:80",
            "localhost:80 [::1]:80",
            "unix:/a unix:/a,mode=600",
            "81 unix:/a [::1]:80 [::1]:80",
        ] {
            assert!(checked(text).is_err(), "{text}");
        }
        for text in [
            "8080 8081",
            "0 0 127.0.0.1:0 127.0.0.1:0",
            "0.0.0.0:80 [::1]:80",
            "127.0.0.1:80 127.0.0.2:80 [::1]:80",
            "unix:/a unix:/b",
        ] {
            assert_eq!(checked(text), Ok(()), "{text}");
        }
    }
}
