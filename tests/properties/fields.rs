//! A field of a response never breaks its head, whoever chose its bytes.

use hullo::http::{Field, Handler, Limits, Request, Responded, ResponseWriter, Shared, Status};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::whole::config;
use crate::common::{NOW, play};

/// Sends these fields, as far as they are valid.
struct Fields(Vec<(String, Vec<u8>)>);

impl Fields {
    fn valid(&self) -> Vec<Field<'_>> {
        let fields = self.0.iter();
        let checked = fields.filter_map(|(name, value)| Field::from_bytes(name, value).ok());
        checked.collect()
    }
}

impl Handler for &Fields {
    fn handle(&self, _: &Request<'_>, response: ResponseWriter<'_>) -> Responded {
        response.send(Status::OK, &self.valid(), &[b"content"])
    }
}

/// Names and values that are mostly valid, and bytes that would break a head.
fn field() -> impl Strategy<Value = (String, Vec<u8>)> {
    let known = select(&["Set-Cookie", "Content-Length", "transfer-encoding", "X"][..]);
    let name = prop_oneof![known.prop_map(String::from), "[a-z:\r\n \u{e9}-]{0,6}"];
    let byte = prop_oneof![9 => any::<u8>(), 1 => select(&b"\r\n\0\t :"[..])];
    let text = vec(b'!'..=b'~', 0..20);
    (name, prop_oneof![vec(byte, 0..6), text])
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn a_head_has_the_lines_that_it_was_given(fields in vec(field(), 0..8)) {
        let fields = Fields(fields);
        let shared = Shared::new(&fields, Limits::default(), NOW);
        let sent = play(&shared, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", []).sent;
        let mut table = [httparse::EMPTY_HEADER; 10];
        let mut response = httparse::Response::new(&mut table);
        let length = response.parse(&sent).unwrap().unwrap();
        prop_assert_eq!(&sent[length..], b"content");
        let valid = fields.valid();
        let expected = valid.iter().map(|field| (field.name(), field.value()));
        let found: Vec<_> = response.headers.iter().map(|it| (it.name, it.value)).collect();
        let (own, engines) = found.split_at(valid.len());
        prop_assert!(own.iter().copied().eq(expected));
        prop_assert_eq!(engines.iter().map(|it| it.0).collect::<Vec<_>>(), ["Date", "Content-Length"]);
    }
}
