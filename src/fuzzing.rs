//! What is fuzzed but not part of the library's interface.

pub use crate::bench::read_report;
pub use crate::race::read_record;
