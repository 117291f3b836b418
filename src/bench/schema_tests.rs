//! `report.schema.json` is derived from the types of `report`.

use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::json;

use super::find::Found;
use super::live::Interval;
use super::report::Report;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench");

/// Makes the schema as strict as the reader of reports: no number is negative, and no field is
/// missing. Descriptions are single lines.
fn tighten(schema: &mut Schema) {
    let kind = schema.get("type").cloned().unwrap_or_default();
    let is_number = kind == "number" || kind == json!(["number", "null"]);
    if is_number && schema.get("exclusiveMinimum").is_none() {
        schema.insert("minimum".to_owned(), json!(0));
    }
    if let Some(text) = schema.get("description").and_then(|text| text.as_str()) {
        let one_line = text.replace('\n', " ");
        schema.insert("description".to_owned(), json!(one_line));
    }
    if let Some(properties) = schema.get("properties").and_then(|p| p.as_object()) {
        let names: Vec<String> = properties.keys().cloned().collect();
        schema.insert("required".to_owned(), json!(names));
    }
}

fn derived<T: JsonSchema>() -> String {
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().into();
    let mut schema = generator.into_root_schema_for::<T>();
    RecursiveTransform(tighten).transform(&mut schema);
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

#[track_caller]
fn check<T: JsonSchema>(name: &str) {
    let (path, derived) = (format!("{FOLDER}/{name}"), derived::<T>());
    if std::env::var_os("HULLO_SCHEMA").is_some() {
        std::fs::write(&path, &derived).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let hint = "run HULLO_SCHEMA=1 cargo test --lib schema";
    assert!(written == derived, "{path} is out of date: {hint}");
}

#[test]
fn the_schemas_are_derived_from_the_types() {
    check::<Report>("report.schema.json");
    check::<Found>("find/find.schema.json");
    check::<Interval>("live/timeline.schema.json");
}
