//! The engine beside its naive twins.

use hullo::http::{Reason, Shared};
use proptest::prelude::*;

use super::engine::{Witness, end_of_engine, verdict_of_engine};
use super::inputs::{chunks, head, limits, mutated};
use super::naive_chunks::{End, end_of_chunks};
use super::naive_head::{verdict, whole_head};
use super::whole::config;
use crate::common::{Ending, NOW, play};

proptest! {
    #![proptest_config(config(6000))]

    #[test]
    fn a_naive_reader_agrees_on_heads(input in mutated(head()), limits in limits()) {
        let witness = Witness::default();
        let shared = Shared::new(&witness, limits, NOW);
        let limits = *shared.limits();
        if let Some(head) = whole_head(&input) {
            let expected = verdict(head, &limits);
            let whole = verdict_of_engine(head, limits, 0..0);
            prop_assert_eq!(&whole, &expected);
            prop_assert_eq!(whole, verdict_of_engine(head, limits, 1..head.len()));
        } else {
            let outcome = play(&shared, &input, []);
            let refused = matches!(outcome.ending, Ending::Closed(Reason::Refused(_)));
            prop_assert_eq!(refused, !outcome.sent.is_empty());
        }
    }

    #[test]
    fn a_naive_decoder_agrees_on_where_chunks_end(body in mutated(chunks()), small in limits()) {
        let limits = small.head_bytes(100).fields(small.fields.max(2)).target_bytes(1);
        match (end_of_engine(&body, limits), end_of_chunks(&body, &limits)) {
            (End::Refused, End::Unfinished) => {
                // It was refused at its first wrong byte: nothing can follow that makes it right.
                for tail in ["\r\n", "\r\n\r\n", "\n\r\n0\r\n\r\n", "\"\r\n0\r\n\r\n", "\r\n0\r\n\r\n", "0\r\n\r\n"] {
                    let more = [&body, tail.as_bytes()].concat();
                    prop_assert!(!matches!(end_of_chunks(&more, &limits), End::At(_)));
                }
            }
            (engine, naive) => prop_assert_eq!(engine, naive),
        }
    }
}
