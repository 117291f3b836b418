//! What holds for whole conversations.

use hullo::Greeting;
use hullo::http::Shared;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::inputs::{conversation, limits};
use crate::common::{NOW, play, read_replies, turn_is_bounded};

/// The shortest request that is answered: `A / HTTP/1.0` and two line ends.
const REQUEST_BYTES_MIN: usize = 16;

/// Failures are for fixing, so no file of them is kept: each becomes a row of `protocol`.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(config(4000))]

    /// Every reply is read strictly, and its head may hold nothing but what the reader knows: no
    /// byte of a request gets there.
    #[test]
    fn answers_do_not_depend_on_how_the_input_is_cut(
        input in conversation(),
        limits in limits(),
        places in vec(any::<Index>(), 0..8),
    ) {
        let shared = Shared::new(Greeting, limits, NOW);
        turn_is_bounded(&shared, &input);
        let whole = play(&shared, &input, []);
        let replies = read_replies(&whole.sent);
        let (interim, answers): (Vec<_>, Vec<_>) = replies.iter().partition(|it| it.status == 100);
        prop_assert!(answers.len() <= input.len() / REQUEST_BYTES_MIN + 1);
        prop_assert!(interim.len() <= answers.len() + 1);
        let whole = whole.without_interims();
        let mut cuts: Vec<usize> = places.iter().map(|it| it.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        for other in [play(&shared, &input, cuts), play(&shared, &input, 1..input.len().max(1))] {
            prop_assert_eq!(&other.without_interims(), &whole);
        }
    }

    /// Bytes of no shape at all.
    #[test]
    fn noise_gets_one_400_at_most(input in vec(any::<u8>(), 0..200)) {
        let shared = Shared::new(Greeting, hullo::http::Limits::default(), NOW);
        let whole = play(&shared, &input, []);
        let replies = read_replies(&whole.sent);
        prop_assert!(replies.len() <= 1);
        prop_assert!(replies.iter().all(|reply| reply.status == 400));
        prop_assert_eq!(&whole, &play(&shared, &input, 1..input.len().max(1)));
    }
}
