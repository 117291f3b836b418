//! `status.schema.json` is derived from the record.

use super::snapshot::Snapshot;
use crate::schema_tests;

#[test]
fn the_schema_is_derived_from_the_record() {
    schema_tests::check::<Snapshot>("src/serve/admin/status.schema.json", &[]);
}
