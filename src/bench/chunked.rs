//! The chunked coding as a client reads it: an automaton over bytes that hands out the data
//! (RFC 9112 section 7.1).

use super::error::ProtocolError;

/// Extensions of one chunk, and the trailer, may be so long.
const EXTENSION_BYTES_MAX: u32 = 16 * 1024;
const TRAILER_BYTES_MAX: u32 = 64 * 1024;

/// `u64::MAX` has so many hexadecimal digits.
const DIGITS_MAX: u8 = 16;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunked {
    at: At,
    /// The size of the chunk as far as it was read; then what is left of its data.
    size: u64,
    digits: u8,
    /// Of the extension, or of the trailer.
    bytes: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    Extension,
    SizeFeed,
    Data,
    DataReturn,
    DataFeed,
    Line,
    Name,
    Value,
    ValueFeed,
    LastFeed,
    End,
}

impl Chunked {
    /// Reads on: hands the data to `sink`, and says how much of the input it consumed and whether
    /// the body has ended there.
    pub(crate) fn read(
        &mut self,
        input: &[u8],
        mut sink: impl FnMut(&[u8]),
    ) -> Result<(usize, bool), ProtocolError> {
        let mut consumed = 0;
        while let Some(&byte) = input.get(consumed) {
            if self.at == At::Data {
                let rest = &input[consumed..];
                let taken = usize::try_from(self.size).map_or(rest.len(), |n| n.min(rest.len()));
                sink(&rest[..taken]);
                consumed += taken;
                self.size -= taken as u64;
                if self.size == 0 {
                    self.at = At::DataReturn;
                }
                continue;
            }
            self.at = self.step(byte)?;
            consumed += 1;
            if self.at == At::End {
                return Ok((consumed, true));
            }
        }
        Ok((consumed, false))
    }

    fn step(&mut self, byte: u8) -> Result<At, ProtocolError> {
        match (self.at, byte) {
            (At::Size, b'\r') if self.digits > 0 => Ok(At::SizeFeed),
            (At::Size, b';' | b' ' | b'\t') if self.digits > 0 => {
                self.bytes = 0;
                Ok(At::Extension)
            }
            (At::Size, _) => self.digit(byte),
            (At::Extension, b'\r') => Ok(At::SizeFeed),
            (At::Extension, _) => {
                self.count(byte, EXTENSION_BYTES_MAX, ProtocolError::Chunk)?;
                Ok(At::Extension)
            }
            (At::SizeFeed, b'\n') if self.size > 0 => Ok(At::Data),
            (At::SizeFeed, b'\n') => {
                self.bytes = 0;
                Ok(At::Line)
            }
            (At::DataReturn, b'\r') => Ok(At::DataFeed),
            (At::DataFeed, b'\n') => {
                self.digits = 0;
                Ok(At::Size)
            }
            (At::SizeFeed | At::Data | At::DataReturn | At::DataFeed, _) => {
                Err(ProtocolError::Chunk)
            }
            _ => self.trailer(byte),
        }
    }

    /// `1*HEXDIG`, no sign and no prefix.
    fn digit(&mut self, byte: u8) -> Result<At, ProtocolError> {
        let digit = char::from(byte).to_digit(16).ok_or(ProtocolError::Chunk)?;
        if self.digits == 0 {
            self.size = 0;
        }
        if self.digits == DIGITS_MAX {
            return Err(ProtocolError::Chunk);
        }
        self.digits += 1;
        self.size = self.size << 4 | u64::from(digit);
        Ok(At::Size)
    }

    /// RFC 9112 section 7.1.2: field lines, read and thrown away, then an empty line.
    fn trailer(&mut self, byte: u8) -> Result<At, ProtocolError> {
        match (self.at, byte) {
            (At::Line, b'\r') => Ok(At::LastFeed),
            (At::Value, b'\r') => Ok(At::ValueFeed),
            (At::ValueFeed, b'\n') => Ok(At::Line),
            (At::LastFeed, b'\n') => Ok(At::End),
            (At::Name, b':') => Ok(At::Value),
            (At::Line | At::Name, _) => {
                let is_token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
                if !is_token {
                    return Err(ProtocolError::Trailer);
                }
                self.count(byte, TRAILER_BYTES_MAX, ProtocolError::Trailer)?;
                Ok(At::Name)
            }
            (At::Value, _) => {
                self.count(byte, TRAILER_BYTES_MAX, ProtocolError::Trailer)?;
                Ok(At::Value)
            }
            _ => Err(ProtocolError::Trailer),
        }
    }

    /// A byte of text: no control byte but the tab, and not too many.
    fn count(&mut self, byte: u8, max: u32, bad: ProtocolError) -> Result<(), ProtocolError> {
        self.bytes += 1;
        let is_text = byte == b'\t' || (byte >= b' ' && byte != 0x7F);
        if is_text && self.bytes <= max {
            Ok(())
        } else {
            Err(bad)
        }
    }
}
