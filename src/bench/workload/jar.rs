//! The cookies of one connection, as `--cookies` keeps them (RFC 6265).
//!
//! All go to each request of the connection: its requests go to one server, and domain, path and `Secure` are not
//! looked at. A cookie ends when the server ends it (`Max-Age` of 0 or less, `Expires` in the past), or with
//! the run, not at a later time of expiry.

use std::time::SystemTime;

use crate::http::client::field_values;

/// More cookies, and more bytes of cookies, are not kept: a server decides what it sends.
const COOKIES_MAX: usize = 64;
const BYTES_MAX: usize = 16 * 1024;

/// The cookies of one connection.
#[derive(Clone, Debug, Default)]
pub(in crate::bench) struct Jar {
    cookies: Vec<(Vec<u8>, Vec<u8>)>,
    /// The line of the `Cookie` field; empty without cookies.
    field: Vec<u8>,
}

impl Jar {
    /// With these cookies from the start.
    pub(super) fn new(cookies: &[(String, String)]) -> Self {
        let mut jar = Self::default();
        for (name, value) in cookies {
            jar.set(name.as_bytes(), value.as_bytes());
        }
        jar.write();
        jar
    }

    #[inline]
    pub(super) fn field(&self) -> &[u8] {
        &self.field
    }

    /// Takes the `Set-Cookie` fields of the head of a response.
    pub(in crate::bench) fn learn(&mut self, head: &[u8]) {
        let mut has_changed = false;
        for value in field_values(head, b"set-cookie") {
            has_changed |= self.take(value);
        }
        if has_changed {
            self.write();
        }
    }

    /// RFC 6265 section 5.2. Returns whether something has changed.
    fn take(&mut self, line: &[u8]) -> bool {
        let mut parts = line.split(|byte| *byte == b';');
        let pair = parts.next().unwrap_or_default();
        let Some((name, value)) = split(pair, b'=') else {
            return false;
        };
        if name.is_empty() || name.iter().chain(value).any(u8::is_ascii_control) {
            return false;
        }
        // The last of each kind counts; Max-Age comes before Expires.
        let (mut age, mut expires) = (None, None);
        for attribute in parts {
            let (key, value) = split(attribute, b'=').unwrap_or((attribute, b""));
            if key.eq_ignore_ascii_case(b"max-age") {
                age = is_over(value).or(age);
            } else if key.eq_ignore_ascii_case(b"expires") {
                expires = is_past(value).or(expires);
            }
        }
        if age.or(expires).unwrap_or(false) {
            let count = self.cookies.len();
            self.cookies.retain(|cookie| cookie.0 != name);
            return self.cookies.len() < count;
        }
        self.set(name, value)
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> bool {
        let others = self.cookies.iter().filter(|cookie| cookie.0 != name);
        let bytes: usize = others.map(|cookie| cookie.0.len() + cookie.1.len()).sum();
        if bytes + name.len() + value.len() > BYTES_MAX {
            return false;
        }
        let is_full = self.cookies.len() == COOKIES_MAX;
        match self.cookies.iter_mut().find(|cookie| cookie.0 == name) {
            Some(cookie) if cookie.1 == value => return false,
            Some(cookie) => {
                cookie.1.clear();
                cookie.1.extend_from_slice(value);
            }
            None if is_full => return false,
            None => self.cookies.push((name.to_vec(), value.to_vec())),
        }
        true
    }

    fn write(&mut self) {
        self.field.clear();
        for (number, (name, value)) in self.cookies.iter().enumerate() {
            let before: &[u8] = if number == 0 { b"Cookie: " } else { b"; " };
            for piece in [before, name, b"=", value] {
                self.field.extend_from_slice(piece);
            }
        }
        if !self.field.is_empty() {
            self.field.extend_from_slice(b"\r\n");
        }
    }
}

/// Both sides without white space.
fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = text.iter().position(|byte| *byte == at)?;
    Some((text[..place].trim_ascii(), text[place + 1..].trim_ascii()))
}

/// RFC 6265 section 5.2.2: whether this `Max-Age` ends the cookie now. `None` if it is not a number.
fn is_over(value: &[u8]) -> Option<bool> {
    let (is_negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| is_negative || digits.iter().all(|digit| *digit == b'0'))
}

/// Whether this `Expires` has passed. Many servers write the date of RFC 9110 with hyphens.
fn is_past(value: &[u8]) -> Option<bool> {
    let text = std::str::from_utf8(value).ok()?;
    let date = httpdate::parse_http_date(text);
    let date = date.or_else(|_| httpdate::parse_http_date(&text.replace('-', " ")));
    Some(date.ok()? <= SystemTime::now())
}

/// Cookies of a `Cookie` field: `a=1; b=2`.
pub(super) fn pairs(field: &str) -> Result<Vec<(String, String)>, String> {
    let parts = field
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let pair = part.split_once('=');
            let pair = pair.filter(|(name, _)| !name.trim().is_empty());
            let (name, value) =
                pair.ok_or_else(|| format!("{part:?} is not a cookie: write name=value"))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(cookies: &[&str]) -> Vec<u8> {
        let line = |cookie: &&str| format!("Set-Cookie: {cookie}\r\n");
        let lines: String = cookies.iter().map(line).collect();
        format!("HTTP/1.1 200 OK\r\nA: b\r\n{lines}\r\n").into_bytes()
    }

    #[track_caller]
    fn check(jar: &mut Jar, cookies: &[&str], expected: &str) {
        jar.learn(&head(cookies));
        let field = std::str::from_utf8(jar.field()).unwrap();
        assert_eq!(field, expected, "{cookies:?}");
    }

    #[test]
    fn cookies_are_kept_replaced_and_ended() {
        let mut jar = Jar::new(&[("first".to_owned(), "1".to_owned())]);
        check(&mut jar, &[], "Cookie: first=1\r\n");
        check(
            &mut jar,
            &["a=1; Path=/x; HttpOnly", " b = two=2 ;Secure"],
            "Cookie: first=1; a=1; b=two=2\r\n",
        );
        check(
            &mut jar,
            &["a=3; Max-Age=60", "c="],
            "Cookie: first=1; a=3; b=two=2; c=\r\n",
        );
        let past = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        let hyphens = "expires=Thu, 01-Jan-1970 00:00:00 GMT";
        let future = "Expires=Fri, 31 Dec 9999 23:59:59 GMT";
        check(
            &mut jar,
            &[&format!("a=; {past}")],
            "Cookie: first=1; b=two=2; c=\r\n",
        );
        check(
            &mut jar,
            &[&format!("b=; {hyphens}"), "c=; max-age=0"],
            "Cookie: first=1\r\n",
        );
        check(
            &mut jar,
            &[&format!("d=4; {future}")],
            "Cookie: first=1; d=4\r\n",
        );
        // Max-Age comes first, whatever the order.
        check(
            &mut jar,
            &[&format!("d=5; Max-Age=9; {past}")],
            "Cookie: first=1; d=5\r\n",
        );
        check(&mut jar, &["d=5; Max-Age=-1", "first=; Max-Age=00"], "");
        check(
            &mut jar,
            &["e=1; Max-Age=soon; Expires=never"],
            "Cookie: e=1\r\n",
        );
    }

    #[test]
    fn what_is_not_a_cookie_is_ignored() {
        let mut jar = Jar::default();
        check(&mut jar, &["", "=", "=x", "name", ";a=b", "a\tb=c\x01"], "");
    }

    #[test]
    fn a_server_cannot_make_it_grow_without_end() {
        let mut jar = Jar::default();
        for number in 0..1000 {
            jar.learn(&head(&[&format!("n{number}=v")]));
        }
        assert_eq!(jar.cookies.len(), COOKIES_MAX);
        for number in 0..64 {
            jar.learn(&head(&[&format!("n{number}={}", "v".repeat(4000))]));
        }
        assert!(jar.field().len() < BYTES_MAX + COOKIES_MAX * 4);
        jar.learn(&head(&["n0=small"]));
        assert!(jar.field().starts_with(b"Cookie: n0=small; n1=v"));
    }

    #[test]
    fn the_cookies_of_a_field_are_its_pairs() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("a=1; b=x=y;").unwrap(),
            [pair("a", "1"), pair("b", "x=y")]
        );
        for wrong in ["a", "=1", "a=1; b"] {
            assert!(
                pairs(wrong).unwrap_err().contains("write name=value"),
                "{wrong}"
            );
        }
    }

    proptest! {
        /// Whatever a server sends: one line, within the limits.
        #[test]
        fn the_field_is_one_line(values in proptest::collection::vec("[^\r\n]{0,40}", 0..20)) {
            let mut jar = Jar::default();
            for value in &values {
                jar.take(value.as_bytes());
            }
            jar.write();
            let field = jar.field();
            let ends = field.iter().filter(|byte| b"\r\n".contains(byte)).count();
            prop_assert_eq!(ends, if field.is_empty() { 0 } else { 2 });
            prop_assert!(field.is_empty() || field.ends_with(b"\r\n") && field.starts_with(b"Cookie: "));
        }
    }
}
