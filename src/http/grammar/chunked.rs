//! The chunked transfer coding (RFC 9112 section 7.1), decoded as an automaton over bytes. CR and LF
//! are compared one by one, so it does not matter in how many reads they come.

use super::bytes::{FIELD_VALUE, QUOTED, TOKEN};
use super::lines::BareLineEnd;

/// Sixteen hexadecimal digits fill a `u64`; leading zeros count.
const SIZE_DIGITS_MAX: u8 = 16;

/// How far a body has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct BodyRead {
    /// So much of the input belongs to the body.
    pub(in crate::http) consumed: usize,
    /// The body has ended there.
    pub(in crate::http) ended: bool,
}

/// How strictly a role reads.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Rules {
    pub(in crate::http) extensions: Extensions,
    pub(in crate::http) extension_bytes_max: u32,
    /// All of the trailer section, its line ends included.
    pub(in crate::http) trailer_bytes_max: u32,
    pub(in crate::http) trailer_fields_max: u32,
    /// The data of all chunks.
    pub(in crate::http) content_bytes_max: u64,
}

/// What a role does with chunk extensions. Neither acts on any (RFC 9112 section 7.1.1: a recipient
/// must ignore those that it does not recognise).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Extensions {
    /// Hold them to the grammar, and count their bytes over the whole body: section 7.1.1 asks
    /// servers to limit them.
    Check,
    /// Skip any text after the size, and count its bytes chunk by chunk. Some servers send white
    /// space there without an extension behind it.
    Skip,
}

/// What is wrong with a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum ChunkedError {
    SizeSyntax,
    /// In the line of a chunk's size.
    LineEnd(BareLineEnd),
    ExtensionSyntax,
    ExtensionLength,
    ContentLength,
    /// The data of a chunk is not followed by CR LF.
    DataEnd,
    Trailer(TrailerError),
}

/// What is wrong with a trailer section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum TrailerError {
    LineEnd(BareLineEnd),
    FieldName,
    FieldValue,
    FieldCount,
    Length,
}

/// A chunked body that has not been read to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct ChunkedBody {
    at: At,
    /// The size of the chunk as far as it was read; then what is left of its data.
    size: u64,
    digits: u8,
    /// The data of all chunks so far.
    total: u64,
    extension_bytes: u32,
    trailer_bytes: u32,
    trailer_fields: u32,
}

/// Which byte comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    /// White space before the `;`.
    SizeSpace,
    /// After the `;`, or white space after it.
    Extension,
    ExtensionName,
    ExtensionNameSpace,
    /// After the `=`, or white space after it.
    ExtensionValue,
    ExtensionToken,
    ExtensionQuoted,
    ExtensionEscape,
    ExtensionQuotedEnd,
    ExtensionSpace,
    /// An extension that is not checked.
    ExtensionText,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerLine,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    End,
}

impl ChunkedBody {
    /// Reads what `input` has of the body, and hands the data of its chunks to `sink`.
    pub(super) fn read(
        &mut self,
        input: &[u8],
        rules: &Rules,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<BodyRead, ChunkedError> {
        let mut consumed = 0;
        while let Some(&byte) = input.get(consumed) {
            if self.at == At::Data {
                let data = take(&mut self.size, &input[consumed..]);
                sink(data);
                consumed += data.len();
                if self.size == 0 {
                    self.at = At::DataReturn;
                }
                continue;
            }
            self.at = self.step(byte, rules)?;
            consumed += 1;
            if self.at == At::End {
                return Ok(BodyRead {
                    consumed,
                    ended: true,
                });
            }
        }
        Ok(BodyRead {
            consumed,
            ended: false,
        })
    }

    fn step(&mut self, byte: u8, rules: &Rules) -> Result<At, ChunkedError> {
        match self.at {
            At::Size | At::SizeLineFeed => self.size_line(byte, rules),
            // `read` takes the data itself: `Data` stands here for the compiler, as does `End`.
            At::Data | At::DataReturn | At::DataLineFeed => self.end_of_data(byte),
            At::TrailerLine
            | At::TrailerName
            | At::TrailerValue
            | At::TrailerLineFeed
            | At::LastLineFeed
            | At::End => self.trailer(byte, rules).map_err(ChunkedError::Trailer),
            _ => self.extension(byte, rules),
        }
    }

    /// RFC 9112 section 7.1: `1*HEXDIG`, without a sign or a prefix; white space only before an
    /// extension (section 7.1.1).
    fn size_line(&mut self, byte: u8, rules: &Rules) -> Result<At, ChunkedError> {
        match byte {
            b'\n' if self.at == At::SizeLineFeed => Ok(if self.size == 0 {
                At::TrailerLine
            } else {
                At::Data
            }),
            _ if self.at == At::SizeLineFeed => {
                Err(ChunkedError::LineEnd(BareLineEnd::CarriageReturn))
            }
            b'\n' => Err(ChunkedError::LineEnd(BareLineEnd::LineFeed)),
            b'\r' | b';' | b' ' | b'\t' if self.digits > 0 => {
                // The size is known now, so it is refused now, without waiting for the data.
                self.total = self
                    .total
                    .checked_add(self.size)
                    .filter(|total| *total <= rules.content_bytes_max)
                    .ok_or(ChunkedError::ContentLength)?;
                if byte == b'\r' {
                    Ok(At::SizeLineFeed)
                } else {
                    self.extension(byte, rules)
                }
            }
            _ => {
                let digit = char::from(byte)
                    .to_digit(16)
                    .filter(|_| self.digits < SIZE_DIGITS_MAX)
                    .ok_or(ChunkedError::SizeSyntax)?;
                self.digits += 1;
                self.size = self.size << 4 | u64::from(digit);
                Ok(At::Size)
            }
        }
    }

    fn extension(&mut self, byte: u8, rules: &Rules) -> Result<At, ChunkedError> {
        if byte == b'\n' {
            return Err(ChunkedError::LineEnd(BareLineEnd::LineFeed));
        }
        let next = match rules.extensions {
            Extensions::Check => self.checked_extension(byte)?,
            Extensions::Skip if byte == b'\r' => At::SizeLineFeed,
            Extensions::Skip if FIELD_VALUE.has(byte) => {
                if self.at == At::Size {
                    self.extension_bytes = 0;
                }
                At::ExtensionText
            }
            Extensions::Skip => return Err(ChunkedError::ExtensionSyntax),
        };
        if next != At::SizeLineFeed {
            self.extension_bytes += 1;
            if self.extension_bytes > rules.extension_bytes_max {
                return Err(ChunkedError::ExtensionLength);
            }
        }
        Ok(next)
    }

    /// RFC 9112 section 7.1.1: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
    fn checked_extension(&self, byte: u8) -> Result<At, ChunkedError> {
        let is_space = matches!(byte, b' ' | b'\t');
        let is_token = TOKEN.has(byte);
        Ok(match (self.at, byte) {
            (At::Size | At::SizeSpace, b';') => At::Extension,
            (At::Size | At::SizeSpace, _) if is_space => At::SizeSpace,
            (At::SizeSpace, _) => return Err(ChunkedError::SizeSyntax),
            (At::Extension, _) if is_space => At::Extension,
            (At::Extension | At::ExtensionName, _) if is_token => At::ExtensionName,
            (At::ExtensionName | At::ExtensionNameSpace, b'=') => At::ExtensionValue,
            (At::ExtensionName | At::ExtensionNameSpace, _) if is_space => At::ExtensionNameSpace,
            (At::ExtensionValue, b'"') => At::ExtensionQuoted,
            (At::ExtensionValue, _) if is_space => At::ExtensionValue,
            (At::ExtensionValue | At::ExtensionToken, _) if is_token => At::ExtensionToken,
            (At::ExtensionQuoted, b'"') => At::ExtensionQuotedEnd,
            (At::ExtensionQuoted, b'\\') => At::ExtensionEscape,
            (At::ExtensionQuoted, _) if QUOTED.has(byte) => At::ExtensionQuoted,
            (At::ExtensionEscape, _) if FIELD_VALUE.has(byte) => At::ExtensionQuoted,
            (At::ExtensionToken | At::ExtensionQuotedEnd | At::ExtensionSpace, _) if is_space => {
                At::ExtensionSpace
            }
            (
                At::ExtensionName
                | At::ExtensionNameSpace
                | At::ExtensionToken
                | At::ExtensionQuotedEnd
                | At::ExtensionSpace,
                b';',
            ) => At::Extension,
            (At::ExtensionName | At::ExtensionToken | At::ExtensionQuotedEnd, b'\r') => {
                At::SizeLineFeed
            }
            _ => return Err(ChunkedError::ExtensionSyntax),
        })
    }

    fn end_of_data(&mut self, byte: u8) -> Result<At, ChunkedError> {
        match (self.at, byte) {
            (At::DataReturn, b'\r') => Ok(At::DataLineFeed),
            (At::DataLineFeed, b'\n') => {
                self.digits = 0;
                Ok(At::Size)
            }
            _ => Err(ChunkedError::DataEnd),
        }
    }

    /// RFC 9112 section 7.1.2: fields, by the rules for fields. None of them has any effect, least
    /// of all the framing ones (RFC 9110 section 6.5.1).
    fn trailer(&mut self, byte: u8, rules: &Rules) -> Result<At, TrailerError> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > rules.trailer_bytes_max {
            return Err(TrailerError::Length);
        }
        match (self.at, byte) {
            (At::LastLineFeed, b'\n') => Ok(At::End),
            (At::TrailerLineFeed, b'\n') => Ok(At::TrailerLine),
            (At::LastLineFeed | At::TrailerLineFeed, _) => {
                Err(TrailerError::LineEnd(BareLineEnd::CarriageReturn))
            }
            (_, b'\n') => Err(TrailerError::LineEnd(BareLineEnd::LineFeed)),
            (At::TrailerLine, b'\r') => Ok(At::LastLineFeed),
            (At::TrailerLine, _) if TOKEN.has(byte) => {
                self.trailer_fields += 1;
                if self.trailer_fields > rules.trailer_fields_max {
                    return Err(TrailerError::FieldCount);
                }
                Ok(At::TrailerName)
            }
            (At::TrailerName, b':') => Ok(At::TrailerValue),
            (At::TrailerName, _) if TOKEN.has(byte) => Ok(At::TrailerName),
            (At::TrailerValue, b'\r') => Ok(At::TrailerLineFeed),
            (At::TrailerValue, _) if FIELD_VALUE.has(byte) => Ok(At::TrailerValue),
            (At::TrailerValue, _) => Err(TrailerError::FieldValue),
            _ => Err(TrailerError::FieldName),
        }
    }
}

/// What `input` has of the `left` bytes that are still to come.
#[inline]
pub(super) fn take<'a>(left: &mut u64, input: &'a [u8]) -> &'a [u8] {
    let length = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= length as u64;
    &input[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Rules = Rules {
        extensions: Extensions::Check,
        extension_bytes_max: 20,
        trailer_bytes_max: 30,
        trailer_fields_max: 2,
        content_bytes_max: 20,
    };

    const LENIENT: Rules = Rules {
        extensions: Extensions::Skip,
        ..STRICT
    };

    /// The content and how much was consumed, the same whole and byte by byte.
    #[track_caller]
    fn read(input: &str, rules: &Rules) -> Result<(String, usize, bool), ChunkedError> {
        let play = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let (mut body, mut content, mut consumed) = (ChunkedBody::default(), Vec::new(), 0);
            for piece in pieces {
                let read = body.read(piece, rules, |data| content.extend_from_slice(data))?;
                consumed += read.consumed;
                if read.ended {
                    return Ok((String::from_utf8(content).unwrap(), consumed, true));
                }
            }
            Ok((String::from_utf8(content).unwrap(), consumed, false))
        };
        let whole = play(&mut std::iter::once(input.as_bytes()));
        assert_eq!(play(&mut input.as_bytes().chunks(1)), whole, "{input:?}");
        whole
    }

    #[track_caller]
    fn good(input: &str, content: &str, rules: &Rules) {
        let whole = Ok((content.to_owned(), input.len(), true));
        assert_eq!(read(input, rules), whole, "{input:?}");
        assert_eq!(
            read(&(input.to_owned() + "GET"), rules),
            whole,
            "{input:?} and more"
        );
    }

    #[test]
    fn content_is_handed_out_and_the_end_is_found() {
        for rules in [&STRICT, &LENIENT] {
            good("0\r\n\r\n", "", rules);
            good(
                "5\r\nhello\r\n00b\r\n, HTTP/1.1 \r\n0\r\n\r\n",
                "hello, HTTP/1.1 ",
                rules,
            );
            good("1;a=b ; c=\"d \\\" e\"\r\nx\r\n0;z\r\n\r\n", "x", rules);
            good("1 \t;a\r\nx\r\n0\r\nX: y\r\nEmpty:\r\n\r\n", "x", rules);
            good("0000000000000001\r\nx\r\n0\r\n\r\n", "x", rules);
        }
    }

    #[test]
    fn a_role_checks_extensions_or_skips_them() {
        for line in [
            "1 ", "1;", "1; ", "1;a=", "1;a=\"b", "1 a", "1;\"a\"", "1;a b",
        ] {
            let body = format!("{line}\r\nx\r\n0\r\n\r\n");
            good(&body, "x", &LENIENT);
            let is_space = line == "1 " || line == "1 a";
            let cause = if is_space {
                ChunkedError::SizeSyntax
            } else {
                ChunkedError::ExtensionSyntax
            };
            assert_eq!(read(&body, &STRICT), Err(cause), "{line:?}");
        }
        // 20 bytes of extensions: strictly in the whole body, otherwise in each chunk.
        let ten = "1;abcdefghi\r\nx\r\n";
        good(&format!("{}0\r\n\r\n", ten.repeat(2)), "xx", &STRICT);
        good(&format!("{}0\r\n\r\n", ten.repeat(3)), "xxx", &LENIENT);
        assert_eq!(
            read(&ten.repeat(3), &STRICT),
            Err(ChunkedError::ExtensionLength)
        );
        let long = format!("1;{}", "a".repeat(20));
        assert_eq!(read(&long, &LENIENT), Err(ChunkedError::ExtensionLength));
    }

    #[test]
    fn an_error_has_a_cause() {
        use BareLineEnd::{CarriageReturn, LineFeed};
        let trailer = |cause| ChunkedError::Trailer(cause);
        for (input, cause) in [
            ("\r\n", ChunkedError::SizeSyntax),
            ("+1\r\n", ChunkedError::SizeSyntax),
            ("0x1\r\n", ChunkedError::SizeSyntax),
            (" 1\r\n", ChunkedError::SizeSyntax),
            ("00000000000000001", ChunkedError::SizeSyntax),
            ("1\n", ChunkedError::LineEnd(LineFeed)),
            ("1;a\n", ChunkedError::LineEnd(LineFeed)),
            ("1\rx", ChunkedError::LineEnd(CarriageReturn)),
            ("1;\u{1}", ChunkedError::ExtensionSyntax),
            ("15\r", ChunkedError::ContentLength),
            ("1\r\nx\r\nFFFFFFFFFFFFFFFF\r", ChunkedError::ContentLength),
            ("1\r\nxy", ChunkedError::DataEnd),
            ("1\r\nx\n", ChunkedError::DataEnd),
            ("0\r\n\n", trailer(TrailerError::LineEnd(LineFeed))),
            ("0\r\nX: y\n", trailer(TrailerError::LineEnd(LineFeed))),
            (
                "0\r\nX: y\rz",
                trailer(TrailerError::LineEnd(CarriageReturn)),
            ),
            ("0\r\n: y", trailer(TrailerError::FieldName)),
            ("0\r\nX y", trailer(TrailerError::FieldName)),
            ("0\r\n folded", trailer(TrailerError::FieldName)),
            ("0\r\nX: \0", trailer(TrailerError::FieldValue)),
            ("0\r\nA:\r\nB:\r\nC", trailer(TrailerError::FieldCount)),
            (
                "0\r\nX: 0123456789 0123456789 01234567",
                trailer(TrailerError::Length),
            ),
        ] {
            for rules in [&STRICT, &LENIENT] {
                assert_eq!(read(input, rules), Err(cause), "{input:?}");
            }
        }
    }
}
