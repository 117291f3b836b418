//! `report.schema.json` is derived from the types of `report`.

use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::json;

use super::report::Report;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bench/report.schema.json");

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

fn derived() -> String {
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().into();
    let mut schema = generator.into_root_schema_for::<Report>();
    RecursiveTransform(tighten).transform(&mut schema);
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

#[test]
fn the_schema_is_derived_from_the_types() {
    let derived = derived();
    if std::env::var_os("HULLO_SCHEMA").is_some() {
        std::fs::write(PATH, &derived).unwrap();
    }
    let written = std::fs::read_to_string(PATH).unwrap();
    let hint = "run HULLO_SCHEMA=1 cargo test --lib schema";
    assert!(written == derived, "{PATH} is out of date: {hint}");
}
