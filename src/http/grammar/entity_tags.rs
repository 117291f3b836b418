//! Entity-tags and lists of them (RFC 9110 section 8.8.3).

use super::bytes::{ETAG, trim};

/// An entity-tag as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct EntityTag<'a> {
    pub(in crate::http) is_weak: bool,
    /// What stands between the quotes. It may contain commas and backslashes, which mean themselves.
    pub(in crate::http) opaque: &'a [u8],
}

/// `[ %s"W/" ] DQUOTE *etagc DQUOTE` at the start of `text`, and what follows it.
fn split_first(text: &[u8]) -> Option<(EntityTag<'_>, &[u8])> {
    let (is_weak, quoted) = match text {
        [b'W', b'/', quoted @ ..] => (true, quoted),
        _ => (false, text),
    };
    let opaque = quoted.strip_prefix(b"\"")?;
    let end = ETAG.first_outside(opaque)?;
    let (opaque, rest) = opaque.split_at_checked(end)?;
    Some((EntityTag { is_weak, opaque }, rest.strip_prefix(b"\"")?))
}

/// The entity-tags of a list. An element that is none yields `None`, and ends the iteration. Empty
/// elements are ignored (section 5.6.1.2).
pub(in crate::http) fn entity_tags(list: &[u8]) -> EntityTags<'_> {
    EntityTags { rest: list }
}

pub(in crate::http) struct EntityTags<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for EntityTags<'a> {
    type Item = Option<EntityTag<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut list = trim(self.rest);
        while let [b',', rest @ ..] = list {
            list = trim(rest);
        }
        if list.is_empty() {
            return None;
        }
        self.rest = &[];
        let Some((tag, rest)) = split_first(list) else {
            return Some(None);
        };
        let rest = trim(rest);
        if !matches!(rest, [] | [b',', ..]) {
            return Some(None);
        }
        self.rest = rest;
        Some(Some(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_the_commas_outside_of_quotes() {
        for (list, expected) in [
            ("", &[][..]),
            (" , ,", &[]),
            (r#""a""#, &["a"]),
            (r#"W/"a""#, &["~a"]),
            (r#""""#, &[""]),
            (r#" "a,b" ,, W/"c" "#, &["a,b", "~c"]),
            (r#""a\","b""#, &["a\\", "b"]),
            ("\"\u{e9}!#\"", &["\u{e9}!#"]),
            (r#""a" "b""#, &["bad"]),
            (r#""a"b"#, &["bad"]),
            (r#""a", b"#, &["a", "bad"]),
            (r#"w/"a""#, &["bad"]),
            (r#"W/ "a""#, &["bad"]),
            ("W/", &["bad"]),
            (r#""a"#, &["bad"]),
            (r#"""#, &["bad"]),
            (r#""a b""#, &["bad"]),
            ("\"a\x7f\"", &["bad"]),
            ("*", &["bad"]),
        ] {
            let shown = entity_tags(list.as_bytes()).map(|tag| {
                tag.map_or("bad".into(), |tag| {
                    let opaque = std::str::from_utf8(tag.opaque).unwrap();
                    format!("{}{opaque}", if tag.is_weak { "~" } else { "" })
                })
            });
            assert!(shown.eq(expected.iter().copied()), "{list:?}");
        }
    }
}
