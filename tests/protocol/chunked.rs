//! The rows of the table's section "Bodies" about the chunked coding (RFC 9112 section 7.1). Those
//! about sizes are in `limits`.

use hullo::http::{Phase, Reject};

use super::check::{bad, check, check_at_once, check_waits, greets, with_chunks};

/// `body` is a chunked one, whole and well formed.
#[track_caller]
fn check_good(body: impl AsRef<[u8]>) {
    check(with_chunks(body), &[greets("/p")]);
}

/// The last byte of `body` is the first wrong one. More after it changes nothing.
#[track_caller]
fn check_bad(body: impl AsRef<[u8]>, reject: Reject) {
    check_at_once(with_chunks(body), bad(reject));
}

/// RFC 9110 section 5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[test]
fn reads_chunks() {
    for body in [
        "0\r\n\r\n",
        "00000\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
        "05\r\nhello\r\n0\r\n\r\n",
        "a\r\n0123456789\r\nB\r\n01234567890\r\n0\r\n\r\n",
        "1\r\n\r\r\n1\r\n\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n",
        "5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    ] {
        check_good(body);
    }
}

/// | chunk size not 1*HEXDIG (`0x5`, `+5`, `_5`, empty, white space around it with no extension
/// behind), […] | 400c |
#[test]
fn refuses_a_chunk_size_that_is_not_hexadecimal_digits() {
    for size in [
        "0x", "+", "-", "_", "5_", "\r", ";", " ", "\t", "5 \r", "5\t\r", "5 5", "5 x", "5 \0",
        "5 ,", "g", "5g", "\"", "\0", "5\0", "5,", "5:", "5=", "5.",
    ] {
        check_bad(size, Reject::ChunkSize);
        check_bad(format!("1\r\nx\r\n{size}"), Reject::ChunkSize);
    }
    for byte in 0..=255_u8 {
        let body = [b"5", &[byte][..]].concat();
        match byte {
            b'0' => check_waits(with_chunks(body), &[], Phase::Body),
            b'\n' => check_bad(body, Reject::BareLineFeed),
            b'\r' | b';' | b' ' | b'\t' => check_waits(with_chunks(body), &[], Phase::Body),
            _ if byte.is_ascii_hexdigit() => check_waits(with_chunks(body), &[], Phase::Body),
            _ => check_bad(body, Reject::ChunkSize),
        }
    }
    check(
        with_chunks("0x5\r\nhello\r\n0\r\n\r\n"),
        &[bad(Reject::ChunkSize)],
    );
}

/// | chunk extension, well formed, […] | skipped |
#[test]
fn skips_chunk_extensions() {
    for extension in [
        ";a",
        ";a=b",
        ";a=\"b\"",
        ";a=\"\"",
        ";a;b;c",
        ";a=b;c=\"d\";e",
        "; a",
        ";\ta",
        // RFC 9112 section 7.1.1 and RFC 9110 section 5.6.3: BWS must be parsed and removed.
        " ;a=b",
        "\t \t;a",
        " ; a = b ; c",
        "; a = b",
        ";a ;b",
        ";a\t=\tb",
        ";a=\"b\" ;c",
        ";a=b ; c",
        ";a=\"\\\"\"",
        ";a=\"\\\\\"",
        ";a=\";,=\t \"",
        ";a=\"\u{e9}\\\u{e9}\"",
        ";!#$%&'*+-.^_`|~=!#$%&'*+-.^_`|~",
        ";0=0",
    ] {
        check_good(format!("5{extension}\r\nhello\r\n0\r\n\r\n"));
        check_good(format!("5\r\nhello\r\n0{extension}\r\n\r\n"));
    }
}

/// | bare LF or bare CR anywhere in a size line, an extension (inside a quoted string too) or a
/// trailer; […] | 400c |
#[test]
fn refuses_any_other_line_end_than_crlf_in_chunks() {
    for line in [
        "5",
        "0",
        "5;a",
        "5;a=b",
        "5;a=\"b\"",
        "0\r\nX: y",
        "0\r\nX:",
        "0\r\nX: y\r\nY: z",
        "0\r\n",
        "0;a\r\n",
        "0\r\nX: y\r\n",
    ] {
        check_waits(with_chunks(line), &[], Phase::Body);
        check_bad(format!("{line}\n"), Reject::BareLineFeed);
        for other in ["X", "\r", " ", "5", "\0", ";"] {
            check_bad(format!("{line}\r{other}"), Reject::BareCarriageReturn);
        }
    }
    for line in [
        "", "5 ", "5 \t", "5;", "5;a=", "5;a=\"", "5;a=\"b", "5;a ", "5;a=\"\\", "0\r\nX",
    ] {
        check_bad(format!("{line}\n"), Reject::BareLineFeed);
    }
    check_bad("5;a=\"\r", Reject::ExtensionSyntax);
    check_bad("5;a=\"\\\r", Reject::ExtensionSyntax);
    for body in [
        "5\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "0\n\n",
        "0\r\n\n",
        "0\r\nX: y\n\r\n",
    ] {
        check(with_chunks(body), &[bad(Reject::BareLineFeed)]);
    }
}

/// | anything but CR LF after the data, also when the two come in two reads | 400c |
#[test]
fn refuses_anything_but_crlf_after_the_data() {
    for byte in 0..=255_u8 {
        let first = [b"5\r\nhello", &[byte][..]].concat();
        let second = [b"5\r\nhello\r", &[byte][..]].concat();
        if byte == b'\r' {
            check_waits(with_chunks(first), &[], Phase::Body);
        } else {
            check_bad(first, Reject::ChunkEnd);
        }
        if byte == b'\n' {
            check_waits(with_chunks(second), &[], Phase::Body);
        } else {
            check_bad(second, Reject::ChunkEnd);
        }
    }
    for body in [
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
    ] {
        check(with_chunks(body), &[bad(Reject::ChunkEnd)]);
    }
}

/// | an extension without a name (`5;`), with a name that is not a token, an unclosed quote | 400c |
#[test]
fn refuses_a_malformed_extension() {
    for start in [
        "5;\r",
        "5; \r",
        "5;;",
        "5;=",
        "5;a;\r",
        "5;a;;",
        "5;\"",
        "5;a=\r",
        "5;a= \r",
        "5;a==",
        "5;a=;",
        "5;a=b=",
        "5;a b",
        "5;a=b c",
        "5;a=b\"",
        "5;a=\"b\"c",
        "5;a=\"b\" c",
        "5;a \r",
        "5;a=b \r",
        "5;a=\"b\" \r",
        "5;a=\"b\r",
        "5;a=\"\0",
        "5;a=\"\\\0",
        "5;a=\x7F",
        "5;a,",
        "5;a=b,",
        "5;a=[",
        "5;\0",
        "5;a\0",
        "5;a/",
    ] {
        check_bad(start, Reject::ExtensionSyntax);
    }
    for byte in 0..=255_u8 {
        let body = [b"5;a", &[byte][..]].concat();
        match byte {
            b'\n' => check_bad(body, Reject::BareLineFeed),
            b'\r' | b' ' | b'\t' | b';' | b'=' => {
                check_waits(with_chunks(body), &[], Phase::Body);
            }
            _ if is_tchar(byte) => check_waits(with_chunks(body), &[], Phase::Body),
            _ => check_bad(body, Reject::ExtensionSyntax),
        }
    }
    check(
        with_chunks("5;\r\nhello\r\n0\r\n\r\n"),
        &[bad(Reject::ExtensionSyntax)],
    );
    let quoted = "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n";
    check(with_chunks(quoted), &[bad(Reject::ExtensionSyntax)]);
}

/// | trailer fields: parsed by the rules for fields, […] thrown away; […] |
#[test]
fn reads_trailer_fields_by_the_rules_for_fields() {
    for trailer in [
        "X:",
        "X: y",
        "X:\ty ",
        "X: y\r\nY: z",
        "X: \u{e9}",
        "!#$%&'*+-.^_`|~: :",
    ] {
        check_good(format!("0\r\n{trailer}\r\n\r\n"));
        check_good(format!("1\r\nx\r\n0;a\r\n{trailer}\r\n\r\n"));
    }
    for (start, reject) in [
        (":", Reject::FieldName),
        ("X\r", Reject::FieldName),
        ("X ", Reject::FieldName),
        ("X\t", Reject::FieldName),
        (" ", Reject::FieldName),
        ("X: y\r\n ", Reject::FieldName),
        ("X: y\r\n\t", Reject::FieldName),
        ("\"", Reject::FieldName),
        ("X\"", Reject::FieldName),
        ("\0", Reject::FieldName),
        ("GET ", Reject::FieldName),
        ("X: \0", Reject::FieldValue),
        ("X:\x7F", Reject::FieldValue),
        ("X: a\x0b", Reject::FieldValue),
    ] {
        check_bad(format!("0\r\n{start}"), reject);
    }
}

/// | framing fields in them | dropped without effect |
#[test]
fn drops_trailer_fields_without_effect() {
    for trailer in [
        "Content-Length: 50",
        "Content-Length: x",
        "Content-Length: 1\r\nContent-Length: 2",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Host: b",
        "Host:",
        "Connection: close",
        "Expect: x",
        "Expect: 100-continue",
        "Trailer: X",
        "Upgrade: h2c",
    ] {
        check_good(format!("0\r\n{trailer}\r\n\r\n"));
    }
}
