//! The schemas are derived from the types of what is written.

use super::find::Found;
use super::live::Interval;
use super::report::Report;
use crate::schema_tests::check;

#[test]
fn the_schemas_are_derived_from_the_types() {
    check::<Report>("src/bench/report.schema.json", &[]);
    check::<Found>("src/bench/find/find.schema.json", &[]);
    check::<Interval>("src/bench/live/timeline.schema.json", &[]);
}
