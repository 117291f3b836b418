//! The forms of a request target (RFC 9112 section 3.2), and what a host is.

use core::net::Ipv6Addr; // It only parses the text of an address.
use std::ops::Range;

use super::super::grammar::bytes::{PATH, REG_NAME, end_of_encoded};
use super::super::grammar::values::decimal;
use super::method::Method;
use super::reject::Reject;

/// The range of the path in a target whose bytes are all visible ASCII. It is empty when an absolute
/// form has none, and for CONNECT, whose target has no path.
///
/// The path has to be one of RFC 3986. The query is not held to it: browsers leave bytes such as
/// `[` and `|` unencoded there.
#[inline]
pub(super) fn path_of(method: Method, target: &[u8]) -> Result<Range<usize>, Reject> {
    let start = match target {
        [b'/', ..] => 0,
        // Section 3.2.4: the asterisk form is only used for OPTIONS.
        b"*" if method == Method::Options => return Ok(0..1),
        b"*" => return Err(Reject::TargetForm),
        // Section 3.2.3: the authority form is only used for CONNECT.
        _ if method == Method::Connect => return Ok(0..0),
        _ => end_of_authority(target)?,
    };
    let end = start + end_of_encoded(&PATH, &target[start..]);
    match target.get(end) {
        None | Some(b'?') => Ok(start..end),
        Some(_) => Err(Reject::TargetSyntax),
    }
}

/// Section 3.2.2: the absolute form. Its authority replaces Host, so the same rules apply to it:
/// RFC 9110 section 4.2 forbids an empty host and user information.
#[cold]
fn end_of_authority(target: &[u8]) -> Result<usize, Reject> {
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| matches!(target.get(..scheme.len()), Some(start) if start.eq_ignore_ascii_case(scheme)))
        .ok_or(Reject::TargetForm)?;
    let rest = &target[scheme.len()..];
    let authority = &rest[..memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len())];
    if is_host(authority) {
        Ok(scheme.len() + authority.len())
    } else {
        Err(Reject::HostSyntax)
    }
}

/// `uri-host [ ":" port ]` (RFC 9110 section 7.2). The host must not be empty, the port may be.
#[inline(always)]
#[expect(clippy::inline_always, reason = "on the path of every request")]
pub(super) fn is_host(value: &[u8]) -> bool {
    if let [b'[', rest @ ..] = value {
        return is_bracketed(rest);
    }
    match REG_NAME.first_outside(value) {
        None => !value.is_empty(),
        Some(end) if value[end] == b':' => end > 0 && is_port(&value[end..]),
        Some(_) => is_encoded_host(value),
    }
}

/// A host with percent-encoding.
#[cold]
fn is_encoded_host(value: &[u8]) -> bool {
    let (host, port) = value.split_at(end_of_encoded(&REG_NAME, value));
    !host.is_empty() && is_port(port)
}

/// RFC 3986 section 3.2.2: an IPv6 address up to the closing bracket. `IPvFuture` is not in use, and
/// a zone identifier has no meaning outside its own host.
#[cold]
fn is_bracketed(rest: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b']', rest) else {
        return false;
    };
    let address = std::str::from_utf8(&rest[..end]).unwrap_or_default();
    address.parse::<Ipv6Addr>().is_ok() && is_port(&rest[end + 1..])
}

/// What follows a host: nothing, or a colon and a port up to 65535.
#[inline]
fn is_port(rest: &[u8]) -> bool {
    match rest {
        [] => true,
        [b':', digits @ ..] if digits.len() < 5 => digits.iter().all(u8::is_ascii_digit),
        [b':', digits @ ..] => decimal(digits).is_some_and(|port| port <= 0xFFFF),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in [
            "a",
            "a:80",
            "a:",
            "a:0",
            "a:65535",
            "a:000080",
            "127.0.0.1:8080",
            "example.com",
            "xn--bcher-kva.example",
            "a_b",
            "%41",
            "[::1]",
            "[::1]:8080",
            "[::ffff:1.2.3.4]:1",
            "a.",
            "!$&'()*+;=~",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            ":80",
            "a:65536",
            "a:99999",
            "a:4294967376",
            "a:8o",
            "a:+1",
            "a:-1",
            "a: 80",
            "a b",
            "a,b",
            "u@a",
            "a/b",
            "a?b",
            "a#b",
            "a:80:80",
            "[",
            "[]",
            "[::1",
            "::1",
            "[::1]x",
            "[::1]80",
            "[::1]:x",
            "[::1%25lo]",
            "[1.2.3.4]",
            "[v1.a]",
            "a[",
            "]",
            "%4",
            "%zz",
            "a\\b",
            "\"a\"",
            "<a>",
            "a\u{e9}",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn forms() {
        use Method::{Connect, Get, Options};
        for (method, target, path) in [
            (Get, "/", "/"),
            (Get, "/a/b?q", "/a/b"),
            (Get, "/a?b?c/d", "/a"),
            (Get, "/?a[]=1|2&{}", "/"),
            (Get, "//a//", "//a//"),
            (Get, "/../%2e%2E/", "/../%2e%2E/"),
            (Get, "http://h/a?q", "/a"),
            (Get, "HTTPS://h:443/a/", "/a/"),
            (Get, "http://h", ""),
            (Get, "http://h?q/x", ""),
            (Get, "http://[::1]:80/x", "/x"),
            (Options, "*", "*"),
            (Options, "/a", "/a"),
            (Connect, "h:80", ""),
        ] {
            let place = path_of(method, target.as_bytes()).unwrap_or_else(|_| panic!("{target}"));
            assert_eq!(&target[place], path, "{target}");
        }
        for (method, target, reject) in [
            (Get, "*", Reject::TargetForm),
            (Connect, "*", Reject::TargetForm),
            (Get, "a", Reject::TargetForm),
            (Get, "?q", Reject::TargetForm),
            (Get, "*/", Reject::TargetForm),
            (Options, "**", Reject::TargetForm),
            (Get, "h:80", Reject::TargetForm),
            (Get, "ftp://h/", Reject::TargetForm),
            (Get, "http:/h", Reject::TargetForm),
            (Get, "http://", Reject::HostSyntax),
            (Get, "http:///a", Reject::HostSyntax),
            (Get, "http://?q", Reject::HostSyntax),
            (Get, "http://u@h/", Reject::HostSyntax),
            (Get, "http://h:x/", Reject::HostSyntax),
            (Get, "/%zz", Reject::TargetSyntax),
            (Get, "/%", Reject::TargetSyntax),
            (Get, "/{a}", Reject::TargetSyntax),
            (Get, "/a|b", Reject::TargetSyntax),
            (Get, "/a\\b", Reject::TargetSyntax),
            (Get, "http://h/^", Reject::TargetSyntax),
        ] {
            assert_eq!(path_of(method, target.as_bytes()), Err(reject), "{target}");
        }
    }
}
