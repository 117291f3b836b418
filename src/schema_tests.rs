//! The JSON schemas that stand beside the code are derived from the types.

use std::fs;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

/// Checks that the file at `path`, from the root of the package, is the schema of `T`. Every key is required, but
/// for `optional` ones.
#[track_caller]
pub(crate) fn check<T: JsonSchema>(path: &str, optional: &'static [&'static str]) {
    let tighten = RecursiveTransform(move |schema: &mut Schema| tighten(schema, optional));
    let settings = SchemaSettings::draft2020_12().with_transform(tighten);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let derived = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let file = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("HULLO_SCHEMA").is_some() {
        fs::write(&file, &derived).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    let hint = "write it again: HULLO_SCHEMA=1 cargo test --lib schema";
    assert!(written == derived, "{path} is out of date; {hint}");
}

/// What serde's attributes do not say: no number is negative, and a writer writes every key, also those that are
/// null. Descriptions are single lines.
fn tighten(schema: &mut Schema, optional: &[&str]) {
    let is_number = |kind: &Value| kind == "number" || kind == "integer";
    let is_number = schema.get("type").is_some_and(|kind| {
        let mut kinds = kind.as_array().into_iter().flatten();
        is_number(kind) || kinds.any(is_number)
    });
    if is_number {
        schema.remove("format");
        let has_minimum = schema.get("minimum").or(schema.get("exclusiveMinimum"));
        if has_minimum.is_none() {
            schema.insert("minimum".to_owned(), 0.into());
        }
    }
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        let line = text.replace('\n', " ");
        schema.insert("description".to_owned(), line.into());
    }
    if let Some(keys) = schema.get("properties").and_then(Value::as_object) {
        let keys = keys.keys().filter(|key| !optional.contains(&key.as_str()));
        let keys: Vec<String> = keys.cloned().collect();
        schema.insert("required".to_owned(), keys.into());
    }
}
