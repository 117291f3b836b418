//! How a body ends: walked past in pieces, in constant memory, to the byte where the next request
//! begins (RFC 9112 sections 6 and 7). What the bytes mean does not matter here.

use super::super::grammar::bytes::{FIELD_VALUE, QUOTED, TOKEN};
use super::head::Framing;
use super::limits::{CHUNK_SIZE_DIGITS_MAX, EXTENSION_BYTES_MAX, Limits, TRAILER_BYTES_MAX};
use super::reject::Reject;

/// A body that has not been read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes are still to come.
    Length(u64),
    Chunked(Chunked),
}

/// How far a walk came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// So much of the input belongs to the body.
    pub(super) consumed: usize,
    /// The body has ended there.
    pub(super) ended: bool,
}

impl Body {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::default()),
        }
    }

    /// Walks past what there is of the body in `input`: all of it, unless the body ends before.
    pub(super) fn walk(&mut self, input: &[u8], limits: &Limits) -> Result<Walk, Reject> {
        match self {
            Self::Length(left) => {
                let consumed = skip(left, input);
                Ok(Walk {
                    consumed,
                    ended: *left == 0,
                })
            }
            Self::Chunked(chunked) => chunked.walk(input, limits),
        }
    }
}

/// Takes what there is of `left` bytes.
fn skip(left: &mut u64, input: &[u8]) -> usize {
    let taken = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= taken as u64;
    taken
}

/// The chunked coding as an automaton over bytes. CR and LF are compared one by one, so it is all
/// the same in how many reads they come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chunked {
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

impl Chunked {
    fn walk(&mut self, input: &[u8], limits: &Limits) -> Result<Walk, Reject> {
        let mut consumed = 0;
        while let Some(&byte) = input.get(consumed) {
            if self.at == At::Data {
                consumed += skip(&mut self.size, &input[consumed..]);
                if self.size == 0 {
                    self.at = At::DataReturn;
                }
                continue;
            }
            // `Data` was taken above, and at the `End` the walk is over: both stand here for the compiler.
            self.at = match self.at {
                At::Size | At::SizeLineFeed => self.size_line(byte, limits)?,
                At::Data | At::DataReturn | At::DataLineFeed => self.end_of_data(byte)?,
                At::TrailerLine
                | At::TrailerName
                | At::TrailerValue
                | At::TrailerLineFeed
                | At::LastLineFeed
                | At::End => self.trailer(byte, limits)?,
                _ => self.extension(byte)?,
            };
            consumed += 1;
            if self.at == At::End {
                return Ok(Walk {
                    consumed,
                    ended: true,
                });
            }
        }
        Ok(Walk {
            consumed,
            ended: false,
        })
    }

    /// RFC 9112 section 7.1: `1*HEXDIG`, without a sign or a prefix; white space only before an
    /// extension (section 7.1.1).
    fn size_line(&mut self, byte: u8, limits: &Limits) -> Result<At, Reject> {
        match byte {
            b'\n' if self.at == At::SizeLineFeed => Ok(if self.size == 0 {
                At::TrailerLine
            } else {
                At::Data
            }),
            _ if self.at == At::SizeLineFeed => Err(Reject::BareCarriageReturn),
            b'\n' => Err(Reject::BareLineFeed),
            b'\r' | b';' | b' ' | b'\t' if self.digits > 0 => {
                // Known now, and refused now, without waiting for the data.
                self.total = self
                    .total
                    .checked_add(self.size)
                    .filter(|total| *total <= limits.body_bytes)
                    .ok_or(Reject::BodyLength)?;
                if byte == b'\r' {
                    Ok(At::SizeLineFeed)
                } else {
                    self.extension(byte)
                }
            }
            _ => {
                let digit = char::from(byte).to_digit(16).ok_or(Reject::ChunkSize)?;
                if self.digits == CHUNK_SIZE_DIGITS_MAX {
                    return Err(Reject::ChunkSize);
                }
                self.digits += 1;
                self.size = self.size << 4 | u64::from(digit);
                Ok(At::Size)
            }
        }
    }

    /// RFC 9112 section 7.1.1: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
    fn extension(&mut self, byte: u8) -> Result<At, Reject> {
        if byte == b'\n' {
            return Err(Reject::BareLineFeed);
        }
        let is_space = matches!(byte, b' ' | b'\t');
        let is_token = TOKEN.has(byte);
        let next = match (self.at, byte) {
            (At::Size | At::SizeSpace, b';') => At::Extension,
            (At::Size | At::SizeSpace, _) if is_space => At::SizeSpace,
            (At::SizeSpace, _) => return Err(Reject::ChunkSize),
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
                return Ok(At::SizeLineFeed);
            }
            _ => return Err(Reject::ExtensionSyntax),
        };
        self.extension_bytes += 1;
        if self.extension_bytes > EXTENSION_BYTES_MAX {
            return Err(Reject::ExtensionLength);
        }
        Ok(next)
    }

    fn end_of_data(&mut self, byte: u8) -> Result<At, Reject> {
        match (self.at, byte) {
            (At::DataReturn, b'\r') => Ok(At::DataLineFeed),
            (At::DataLineFeed, b'\n') => {
                self.digits = 0;
                Ok(At::Size)
            }
            _ => Err(Reject::ChunkEnd),
        }
    }

    /// RFC 9112 section 7.1.2: fields, by the rules for fields. None of them has any effect, least
    /// of all the framing ones (section 6.5.1 of RFC 9110).
    fn trailer(&mut self, byte: u8, limits: &Limits) -> Result<At, Reject> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > TRAILER_BYTES_MAX {
            return Err(Reject::TrailerLength);
        }
        match (self.at, byte) {
            (At::LastLineFeed, b'\n') => Ok(At::End),
            (At::TrailerLineFeed, b'\n') => Ok(At::TrailerLine),
            (At::LastLineFeed | At::TrailerLineFeed, _) => Err(Reject::BareCarriageReturn),
            (_, b'\n') => Err(Reject::BareLineFeed),
            (At::TrailerLine, b'\r') => Ok(At::LastLineFeed),
            (At::TrailerLine, _) if TOKEN.has(byte) => {
                self.trailer_fields += 1;
                if self.trailer_fields as usize > limits.fields {
                    return Err(Reject::FieldCount);
                }
                Ok(At::TrailerName)
            }
            (At::TrailerName, b':') => Ok(At::TrailerValue),
            (At::TrailerName, _) if TOKEN.has(byte) => Ok(At::TrailerName),
            (At::TrailerValue, b'\r') => Ok(At::TrailerLineFeed),
            (At::TrailerValue, _) if FIELD_VALUE.has(byte) => Ok(At::TrailerValue),
            (At::TrailerValue, _) => Err(Reject::FieldValue),
            _ => Err(Reject::FieldName),
        }
    }
}
