//! Generated responses, right and wrong, cut anywhere.

use super::replay::replay;

/// Pieces of responses, right and wrong, to be put together in any order.
const PIECES: [&[u8]; 16] = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.0 204 No\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Date: today\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"abc",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    b"\0\xff: ;",
];

proptest::proptest! {
    /// However they are put together and cut, it is read as if it had come at once.
    #[test]
    fn cuts_change_nothing(
        pieces in proptest::collection::vec(0..PIECES.len(), 1..12),
        cuts in proptest::collection::vec(1_usize..40, 1..20),
        head_only: bool,
        closed: bool,
    ) {
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| PIECES[*piece]).copied().collect();
        let mut parts = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (part, tail) = rest.split_at((*cut).min(rest.len()));
            parts.push(part);
            rest = tail;
        }
        proptest::prop_assert_eq!(
            replay(&parts, head_only, closed),
            replay(&[&bytes], head_only, closed)
        );
    }
}
