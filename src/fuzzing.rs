//! What is fuzzed but not part of the library's interface.

pub use crate::bench::read_report;
pub use crate::race::read_record;

/// What a client makes of responses that come in these pieces, up to the end of the connection if
/// `closed`. It must not depend on how they are cut.
pub fn read_responses(
    pieces: &[&[u8]],
    head_only: bool,
    closed: bool,
) -> impl PartialEq + std::fmt::Debug + use<> {
    crate::http::client::replay::replay(pieces, head_only, closed)
}
