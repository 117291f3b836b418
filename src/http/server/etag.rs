//! The entity-tag of what a handler serves.

use std::error::Error;
use std::fmt;

use super::super::grammar::bytes::ETAG;
use super::super::grammar::entity_tags::EntityTag;
use super::field::Field;

/// An entity-tag (RFC 9110 section 8.8.3): a validator that changes whenever the representation does.
///
/// ```
/// use hullo::http::ETag;
///
/// assert_eq!(ETag::strong("v7")?.as_str(), "\"v7\"");
/// assert_eq!(ETag::weak("v7")?.as_str(), "W/\"v7\"");
/// assert!(ETag::strong("a b").is_err());
/// # Ok::<(), hullo::http::InvalidETag>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ETag {
    /// As it is sent: `"opaque"` or `W/"opaque"`.
    text: Box<str>,
}

impl ETag {
    /// A strong entity-tag: representations with this tag are equal byte by byte.
    ///
    /// # Errors
    ///
    /// When `opaque`, the text between the quotes, contains a space, `"` or a control character.
    pub fn strong(opaque: &str) -> Result<Self, InvalidETag> {
        Self::checked("", opaque)
    }

    /// A weak entity-tag: representations with this tag are equivalent, but not always equal.
    ///
    /// # Errors
    ///
    /// As for [`ETag::strong`].
    pub fn weak(opaque: &str) -> Result<Self, InvalidETag> {
        Self::checked("W/", opaque)
    }

    /// A strong entity-tag from the content: its length and its hash (FNV-1a, 64 bits) in hexadecimal
    /// digits. It is the same on every machine and in every version.
    ///
    /// The hash is not cryptographic: somebody who chooses the content can make two contents that have
    /// the same tag.
    #[must_use]
    pub fn of_content(content: &[u8]) -> Self {
        let hash = fnv1a(content);
        let text = format!("\"{:x}-{hash:016x}\"", content.len());
        Self { text: text.into() }
    }

    fn checked(prefix: &str, opaque: &str) -> Result<Self, InvalidETag> {
        if !ETAG.covers(opaque.as_bytes()) {
            return Err(InvalidETag(()));
        }
        let text = format!("{prefix}\"{opaque}\"");
        Ok(Self { text: text.into() })
    }

    /// The entity-tag as it is sent, with its quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is weak.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.text.starts_with('W')
    }

    /// The field `ETag` with this entity-tag.
    #[must_use]
    pub fn field(&self) -> Field<'_> {
        // etagc and quotes are all bytes that a field value may contain.
        Field::of_checked("ETag", self.text.as_bytes())
    }

    fn opaque(&self) -> &[u8] {
        let quoted = self.text.trim_start_matches("W/").as_bytes();
        match quoted {
            [b'"', opaque @ .., b'"'] => opaque,
            _ => quoted,
        }
    }

    /// Strong comparison (RFC 9110 section 8.8.3.2): equal, and neither of them weak.
    pub(super) fn is_strongly(&self, other: EntityTag<'_>) -> bool {
        !self.is_weak() && !other.is_weak && self.is_weakly(other)
    }

    /// Weak comparison (section 8.8.3.2): equal, whether weak or not.
    pub(super) fn is_weakly(&self, other: EntityTag<'_>) -> bool {
        self.opaque() == other.opaque
    }
}

/// <https://www.rfc-editor.org/rfc/rfc9923>
fn fnv1a(content: &[u8]) -> u64 {
    content.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl fmt::Display for ETag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// A text that cannot stand between the quotes of an entity-tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidETag(());

impl fmt::Display for InvalidETag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an entity-tag contains a space, a double quote or a control character")
    }
}

impl Error for InvalidETag {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_tag_is_checked() {
        for opaque in ["", "a", "a,b\\", "W/", "\u{e9}", "!#~"] {
            let tag = ETag::strong(opaque).unwrap();
            assert_eq!(tag.as_str(), format!("\"{opaque}\""));
            assert_eq!(tag.opaque(), opaque.as_bytes());
            let weak = ETag::weak(opaque).unwrap();
            assert_eq!(weak.to_string(), format!("W/{tag}"));
            assert_eq!(weak.opaque(), opaque.as_bytes());
            assert!(weak.is_weak() && !tag.is_weak());
            let field = weak.field();
            let same = Field::new("ETag", weak.as_str());
            assert_eq!(same, Ok(field));
        }
        for opaque in [" ", "a b", "\"", "\r\n", "\t", "\u{7f}"] {
            assert!(ETag::strong(opaque).is_err(), "{opaque:?}");
        }
    }

    /// The hashes are test vectors of RFC 9923.
    #[test]
    fn a_tag_of_content_is_its_length_and_hash() {
        for (content, tag) in [
            ("", "\"0-cbf29ce484222325\""),
            ("a", "\"1-af63dc4c8601ec8c\""),
            ("foobar", "\"6-85944171f73967e8\""),
        ] {
            assert_eq!(ETag::of_content(content.as_bytes()).as_str(), tag);
        }
    }
}
