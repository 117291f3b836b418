//! Which bytes may stand where: one table per class, made at build time.

/// A set of bytes, looked up in one load.
pub(in crate::http) struct Class([bool; 256]);

impl Class {
    const fn of(rule: &[u8], ranges: &[(u8, u8)]) -> Self {
        let mut table = [false; 256];
        let mut i = 0;
        while i < rule.len() {
            table[rule[i] as usize] = true;
            i += 1;
        }
        let mut i = 0;
        while i < ranges.len() {
            let (mut byte, last) = ranges[i];
            while byte < last {
                table[byte as usize] = true;
                byte += 1;
            }
            table[last as usize] = true;
            i += 1;
        }
        Self(table)
    }

    #[inline]
    pub(in crate::http) const fn has(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }

    /// Are all of these bytes in the class? True of none at all.
    #[inline]
    pub(in crate::http) const fn covers(&self, bytes: &[u8]) -> bool {
        let mut i = 0;
        while i < bytes.len() {
            if !self.has(bytes[i]) {
                return false;
            }
            i += 1;
        }
        true
    }

    /// The index of the first byte outside the class.
    #[inline]
    pub(in crate::http) fn first_outside(&self, bytes: &[u8]) -> Option<usize> {
        // In pieces whose loop the compiler unrolls.
        let mut rest = bytes;
        while let Some((piece, after)) = rest.split_first_chunk::<8>() {
            if let Some(place) = piece.iter().position(|&byte| !self.has(byte)) {
                return Some(bytes.len() - rest.len() + place);
            }
            rest = after;
        }
        let place = rest.iter().position(|&byte| !self.has(byte))?;
        Some(bytes.len() - rest.len() + place)
    }
}

const ALNUM: [(u8, u8); 3] = [(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')];

/// RFC 9110 section 5.6.2: tchar.
pub(in crate::http) static TOKEN: Class = Class::of(b"!#$%&'*+-.^_`|~", &ALNUM);

/// What may stand in a request target at all: visible ASCII without `#`, which begins a fragment,
/// and without `"`, `<` and `>`, which no URI contains and no browser sends.
pub(in crate::http) static TARGET: Class =
    Class::of(b"!", &[(b'$', b';'), (b'=', b'='), (b'?', b'~')]);

/// RFC 3986 section 3.3: pchar without percent-encoding, and the slash between segments.
pub(in crate::http) static PATH: Class = Class::of(b"-._~!$&'()*+,;=:@/", &ALNUM);

/// RFC 3986 section 3.2.2: reg-name without percent-encoding, and without the comma: no host has
/// one, and a list of hosts does.
pub(in crate::http) static REG_NAME: Class = Class::of(b"-._~!$&'()*+;=", &ALNUM);

/// RFC 9110 section 5.5: what a field value may contain: field-vchar, space and tab.
pub(in crate::http) static FIELD_VALUE: Class = Class::of(b"\t", &[(b' ', b'~'), (0x80, 0xFF)]);

/// RFC 9110 section 8.8.3: etagc.
pub(in crate::http) static ETAG: Class = Class::of(b"!", &[(b'#', b'~'), (0x80, 0xFF)]);

/// RFC 9110 section 5.6.4: qdtext.
pub(in crate::http) static QUOTED: Class =
    Class::of(b"\t !", &[(b'#', b'['), (b']', b'~'), (0x80, 0xFF)]);

/// The index of the first byte that is neither in the class nor part of a percent-encoding, which
/// is `%` and two hexadecimal digits (RFC 3986 section 2.1).
#[inline]
pub(in crate::http) fn end_of_encoded(class: &Class, bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let rest = &bytes[end..];
        end += class.first_outside(rest).unwrap_or(rest.len());
        match bytes[end..] {
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                end += 3;
            }
            _ => return end,
        }
    }
}

const fn is_control(byte: u8) -> bool {
    byte < b' ' || byte == 0x7F
}

/// The index of the first byte that is not in [`FIELD_VALUE`], or the length.
#[inline]
pub(in crate::http) fn end_of_value(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let mut rest = bytes;
    // No early exit within a block, so that it becomes vector instructions.
    while let Some((block, after)) = rest.split_first_chunk::<16>() {
        if block
            .iter()
            .fold(false, |has, &byte| has | is_control(byte))
        {
            break;
        }
        rest = after;
    }
    while let Some((word, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        let below_space = word.wrapping_sub(ONES * 0x20);
        let delete = (word ^ (ONES * 0x7F)).wrapping_sub(ONES);
        let control = (below_space | delete) & !word & (ONES * 0x80);
        if control != 0 {
            let at = bytes.len() - rest.len() + control.trailing_zeros() as usize / 8;
            if bytes[at] != b'\t' {
                return at;
            }
            break;
        }
        rest = after;
    }
    let end = FIELD_VALUE.first_outside(rest).unwrap_or(rest.len());
    bytes.len() - rest.len() + end
}

/// Strips white space (OWS: space and tab) from both ends.
pub(in crate::http) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// Strips white space from the start.
#[inline]
pub(in crate::http) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// Strips white space from the end.
#[inline]
pub(in crate::http) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each table beside its rule as the RFC spells it, over all 256 bytes.
    #[test]
    fn tables_are_their_rules() {
        for byte in 0..=255_u8 {
            let alnum = byte.is_ascii_alphanumeric();
            let is = |set: &str| set.as_bytes().contains(&byte);
            let visible = (0x21..=0x7E).contains(&byte);
            assert_eq!(
                TOKEN.has(byte),
                alnum || is("!#$%&'*+-.^_`|~"),
                "token {byte:#x}"
            );
            assert_eq!(
                TARGET.has(byte),
                visible && !is("#\"<>"),
                "target {byte:#x}"
            );
            let segment = alnum || is("-._~!$&'()*+,;=");
            assert_eq!(PATH.has(byte), segment || is(":@/"), "path {byte:#x}");
            assert_eq!(
                REG_NAME.has(byte),
                segment && byte != b',',
                "host {byte:#x}"
            );
            let text = visible || is(" \t") || byte >= 0x80;
            assert_eq!(FIELD_VALUE.has(byte), text, "value {byte:#x}");
            let etagc = (visible && byte != b'"') || byte >= 0x80;
            assert_eq!(ETAG.has(byte), etagc, "etag {byte:#x}");
            assert_eq!(QUOTED.has(byte), text && !is("\"\\"), "quoted {byte:#x}");
        }
    }

    #[test]
    fn a_percent_needs_two_digits() {
        for (text, end) in [
            ("", 0),
            ("/a?", 2),
            ("/%41%ff%2F", 10),
            ("%", 0),
            ("a%4", 1),
            ("/%zz", 1),
            ("%%41", 0),
            ("%4g", 0),
            ("%41%4", 3),
        ] {
            assert_eq!(end_of_encoded(&PATH, text.as_bytes()), end, "{text}");
        }
    }

    #[test]
    fn trims_spaces_and_tabs_only() {
        assert_eq!(trim(b" \t a b\t "), b"a b");
        assert_eq!(trim(b" \t "), b"");
        assert_eq!(trim(b"\x0bx"), b"\x0bx");
    }
}
