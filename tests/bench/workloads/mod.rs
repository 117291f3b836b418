//! Requests that differ from each other, against a hullo with test endpoints.

mod counts;
mod like_curl;
mod refused;
mod sent;

use super::server::Server;
use super::*;

fn file(text: &str) -> TemporaryFile {
    let file = TemporaryFile::new();
    std::fs::write(&file.0, text).unwrap();
    file
}

fn template<'a>(json: &'a Value, name: &str) -> &'a Value {
    let templates = json["templates"].as_array().unwrap();
    let named = |template: &&Value| template["name"] == name;
    templates.iter().find(named).expect(name)
}
