//! What field values consist of: lists and decimal numbers.

use super::bytes::trim;

/// The elements of a comma-separated list that are not empty (RFC 9110 section 5.6.1.2: a recipient
/// must ignore a reasonable number of empty ones).
pub(in crate::http) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    all_elements(value).filter(|element| !element.is_empty())
}

/// All elements of a list, the empty ones included: for a rule that refuses them.
pub(in crate::http) fn all_elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim)
}

/// `1*DIGIT` below 2^64.
pub(in crate::http) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_commas_and_trimmed() {
        for (value, all, filled) in [
            ("", &[""][..], &[][..]),
            ("a", &["a"], &["a"]),
            (" a ,\tb\t", &["a", "b"], &["a", "b"]),
            (",a,, b,", &["", "a", "", "b", ""], &["a", "b"]),
        ] {
            let is = |found: Vec<&[u8]>, expected: &[&str]| {
                assert!(
                    found.iter().eq(expected
                        .iter()
                        .map(|e| e.as_bytes())
                        .collect::<Vec<_>>()
                        .iter()),
                    "{value:?}"
                );
            };
            is(all_elements(value.as_bytes()).collect(), all);
            is(elements(value.as_bytes()).collect(), filled);
        }
    }

    #[test]
    fn decimals_are_digits_that_fit() {
        for (digits, value) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("99999999999999999999999", None),
            ("", None),
            ("+5", None),
            ("-1", None),
            ("0x5", None),
            ("5 ", None),
            ("5,5", None),
            ("\u{0665}", None),
        ] {
            assert_eq!(decimal(digits.as_bytes()), value, "{digits:?}");
        }
    }
}
