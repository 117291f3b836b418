//! What the admin listener says: its schema, and its pages for records at the edge.

use std::fs;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use super::snapshot::Snapshot;

const COPY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/src/serve/admin/status.schema.json"
);

/// What serde's attributes do not say: no number is negative, and no key is missing.
fn tighten(schema: &mut Schema) {
    let is_number = |kind: &Value| kind == "number" || kind == "integer";
    let is_number = schema.get("type").is_some_and(|kind| {
        is_number(kind)
            || kind
                .as_array()
                .is_some_and(|kinds| kinds.iter().any(is_number))
    });
    if is_number {
        schema.remove("format");
        if schema.get("minimum").is_none() {
            schema.insert("minimum".to_owned(), 0.into());
        }
    }
    if let Some(keys) = schema.get("properties").and_then(Value::as_object) {
        let keys: Vec<String> = keys.keys().cloned().collect();
        schema.insert("required".to_owned(), keys.into());
    }
}

#[test]
fn the_copy_is_the_schema_of_the_record() {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tighten));
    let schema = settings.into_generator().into_root_schema_for::<Snapshot>();
    let derived = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("HULLO_SCHEMA").is_some() {
        fs::write(COPY, &derived).unwrap();
    }
    let copy = fs::read_to_string(COPY).unwrap();
    assert!(
        copy == derived,
        "write it again: HULLO_SCHEMA=1 cargo test --lib admin::tests::the_copy"
    );
}
