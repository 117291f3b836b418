//! The rows of the table's section "Fields" about what a field line is, and about Host (RFC 9110
//! section 5, RFC 9112 section 5). Those about what fields mean are in `meaning`.

use hullo::http::Reject;

use super::check::{bad, check, greets, with_fields, with_line};

/// RFC 9110 section 5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn line_end_fault(byte: u8) -> Option<Reject> {
    match byte {
        b'\n' => Some(Reject::BareLineFeed),
        b'\r' => Some(Reject::BareCarriageReturn),
        _ => None,
    }
}

/// | a name that is not a token, empty, or followed by white space before the colon | 400c |
#[test]
fn refuses_a_name_that_is_no_token_right_before_a_colon() {
    for byte in 0..=255_u8 {
        let request = with_fields([b"X", &[byte][..], b"Y: z\r\n"].concat());
        let fault = line_end_fault(byte).unwrap_or(Reject::FieldName);
        let is_right = is_tchar(byte) || byte == b':';
        let expected = if is_right { greets("/f") } else { bad(fault) };
        check(request, &[expected]);
    }
    for line in [
        ": v",
        ":",
        "X",
        "X y",
        "X : v",
        "X\t: v",
        "X  : v",
        "\0: v",
        "\"X\": v",
        "X/: v",
        "X\u{e9}: v",
        "GET /x HTTP/1.1",
    ] {
        let expected = [bad(Reject::FieldName)];
        check(with_fields(format!("{line}\r\n")), &expected);
        check(
            with_fields(format!("A: b\r\n{line}\r\nC: d\r\n")),
            &expected,
        );
    }
    let all = "!#$%&'*+-.^_`|~09azAZ: v\r\n";
    check(with_fields(all), &[greets("/f")]);
}

/// | obs-fold (a line that begins with space or tab) | 400c, also right after the request line |
#[test]
fn refuses_obs_fold() {
    for fold in [" b", "\tb", " ", "\t", "  X: y", " X: y", " : "] {
        let expected = [bad(Reject::FieldName)];
        check(with_fields(format!("X: a\r\n{fold}\r\n")), &expected);
        check(with_fields(format!("X:\r\n{fold}\r\nY: z\r\n")), &expected);
        let first = with_line(format!("GET /f HTTP/1.1\r\n{fold}"));
        check(first, &expected);
        let only = format!("GET /f HTTP/1.0\r\n{fold}\r\n\r\n");
        check(only, &expected);
    }
}

/// | NUL, CR, LF or another control byte (tab excepted) in a value | 400c |
/// | bytes 0x80 to 0xFF in a value | allowed |
#[test]
fn refuses_control_bytes_in_a_value() {
    for byte in 0..=255_u8 {
        let is_text = byte == b'\t' || (0x20..=0x7E).contains(&byte) || byte >= 0x80;
        let expected = if is_text {
            greets("/f")
        } else {
            bad(line_end_fault(byte).unwrap_or(Reject::FieldValue))
        };
        let values: [&[u8]; 5] = [
            &[b'a', byte, b'b'],
            &[byte, b'b'],
            &[b' ', byte, b'b'],
            &[b'a', byte, b' '],
            // At the very end a CR may be the line's own.
            &[b'a', byte, b' ', byte, b'b'],
        ];
        for value in values {
            check(with_fields([b"X:", value, b"\r\n"].concat()), &[expected]);
        }
    }
}

#[test]
fn allows_what_a_value_may_be() {
    for line in [
        "X:",
        "X: ",
        "X:a",
        "X:\ta\t",
        "X: a b\tc ",
        "X: :::",
        "X: \"\\\"",
        "X: a,,b;=c",
    ] {
        check(with_fields(format!("{line}\r\n")), &[greets("/f")]);
    }
}

/// | `Host`: missing in 1.1, twice (even equal), […] | 400c. 1.0 may omit it |
#[test]
fn wants_one_host() {
    check("GET /f HTTP/1.1\r\n\r\n", &[bad(Reject::HostMissing)]);
    check(
        "GET /f HTTP/1.1\r\nHosts: a\r\nHos: a\r\n\r\n",
        &[bad(Reject::HostMissing)],
    );
    check("GET /f HTTP/1.0\r\n\r\n", &[greets("/f").closed()]);
    check(
        "GET /f HTTP/1.0\r\nHost: a\r\n\r\n",
        &[greets("/f").closed()],
    );
    for second in ["Host: a", "Host: b", "HOST: a", "host:", "X: y\r\nHost: a"] {
        let fields = format!("{second}\r\n");
        check(with_fields(&fields), &[bad(Reject::HostRepeated)]);
        let version_10 = format!("GET /f HTTP/1.0\r\nHost: a\r\n{fields}\r\n");
        check(version_10, &[bad(Reject::HostRepeated)]);
    }
    for name in ["Host", "host", "HOST", "hOsT"] {
        let request = format!("GET /f HTTP/1.1\r\nX: y\r\n{name}: a\r\n\r\n");
        check(request, &[greets("/f")]);
    }
}

const GOOD_HOSTS: &[&str] = &[
    "a",
    "A.example",
    "a.",
    "a-b_c~d",
    "xn--bcher-kva.example",
    "a:",
    "a:0",
    "a:80",
    "a:65535",
    "a:00080",
    "1.2.3.4",
    "1.2.3.4:80",
    "999.1.1.1",
    "[::]",
    "[::1]",
    "[::1]:",
    "[::1]:80",
    "[2001:DB8::a:1]:65535",
    "[::ffff:1.2.3.4]",
    "%61",
    "a%2Fb",
    "a!$&'()*+;=b",
    "localhost",
];

const BAD_HOSTS: &[&str] = &[
    "",
    " ",
    ":",
    ":80",
    "a b",
    "a\tb",
    "a,b",
    "a, b",
    "a,",
    "u@a",
    "u:p@a",
    "a/",
    "a/b",
    "/a",
    "http://a",
    "a?b",
    "a#b",
    "a\\b",
    "a\"b",
    "<a>",
    "a|b",
    "a^b",
    "a`b",
    "{a}",
    "a%",
    "a%4",
    "a%zz",
    "a:65536",
    "a:99999",
    "a:100000",
    "a:4294967376",
    "a:18446744073709551696",
    "a:-1",
    "a:+80",
    "a:0x50",
    "a:8o",
    "a: 80",
    "a :80",
    "a:80 80",
    "a:80:80",
    "a:80,",
    "[",
    "]",
    "[]",
    "[::1",
    "::1]",
    "::1",
    "a::1",
    "[::1]80",
    "[::1]a",
    "[::1]:x",
    "[::1]:65536",
    "[:::1]",
    "[1.2.3.4]",
    "[a]",
    "[::g]",
    "[1:2:3:4:5:6:7:8:9]",
    "[::1%eth0]",
    "[::1]]",
    "[[::1]]",
    "b[::1]",
    "caf\u{e9}",
];

/// | `Host`: […] empty, or no valid `host[:port]` (white space, comma, `@`, `/`, port over 65535,
/// bad brackets) | 400c |
#[test]
fn wants_a_valid_host() {
    for host in BAD_HOSTS {
        let expected = [bad(Reject::HostSyntax)];
        check(
            format!("GET /f HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            &expected,
        );
        check(format!("GET /f HTTP/1.0\r\nHost:{host}\r\n\r\n"), &expected);
    }
    for host in GOOD_HOSTS {
        let expected = [greets("/f")];
        check(
            format!("GET /f HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            &expected,
        );
        check(
            format!("GET /f HTTP/1.1\r\nHost:\t {host} \t\r\n\r\n"),
            &expected,
        );
    }
}
