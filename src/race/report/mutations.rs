//! Records that are damaged in one place each: they are refused or shown, and nothing else happens.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::sample::{record, servers};
use crate::race::read_record;
use crate::race::record::{PerConnection, Suite};

/// The way to a value: keys and places.
type Way = Vec<String>;

fn ways(value: &Value, way: &Way, found: &mut Vec<Way>) {
    let mut below = |key: String, value: &Value| {
        let way = [way.clone(), vec![key]].concat();
        found.push(way.clone());
        ways(value, &way, found);
    };
    match value {
        Value::Array(items) => {
            // The others are of the same kind; the last may be another one than the first.
            let last = items.len().saturating_sub(1);
            let ends = items
                .iter()
                .enumerate()
                .filter(|(at, _)| *at == 0 || *at == last);
            ends.for_each(|(at, item)| below(at.to_string(), item));
        }
        Value::Object(items) => items
            .iter()
            .for_each(|(key, item)| below(key.clone(), item)),
        _ => {}
    }
}

fn pointer(way: &[String]) -> String {
    way.iter().fold(String::new(), |way, key| {
        way + "/" + &key.replace('/', "~1")
    })
}

/// In place of a value of its kind.
fn damages(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(_) => vec![
            json!(0),
            json!(1),
            json!(1_u64 << 53),
            json!(1_u64 << 63),
            json!(u64::MAX),
            json!(-1),
            json!(1e308),
        ],
        Value::String(_) => vec![json!("\u{1b}[31m\u{202e}<a>|\n")],
        Value::Array(_) => vec![json!([])],
        Value::Object(_) => vec![json!({})],
        Value::Null | Value::Bool(_) => vec![json!("?")],
    }
}

/// Reads it, if it can be read.
fn bear(text: &str, place: &str) -> bool {
    let start = Instant::now();
    let shown = read_record(text);
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{place}: {:?}",
        start.elapsed()
    );
    let Ok(shown) = shown else { return false };
    // Its JSON has escapes, and no character that is obeyed but this one.
    let shown = shown
        .lines()
        .filter(|line| !line.starts_with("{\"format\""));
    for line in shown {
        assert!(!line.contains(['\u{1b}', '\u{202e}']), "{place}: {line:?}");
        assert!(!line.contains("NaN"), "{place}: {line:?}");
    }
    true
}

#[test]
fn a_damaged_record_is_refused_or_shown() {
    let mut record = record(&servers(2), &[Suite::Pipeline, Suite::Idle], 3);
    for summary in record.summaries.iter_mut().filter(|s| s.requests == 0) {
        // As the engine has it: nothing over nothing is no ratio.
        summary.requests_per_second.ratio = None;
        summary.cpu_ns_per_request = None;
    }
    let whole: Value = serde_json::from_str(&record.json()).unwrap();
    assert_eq!(read_record(&whole.to_string()).err(), None);
    let mut found = Vec::new();
    ways(&whole, &Vec::new(), &mut found);
    let (mut shown, mut refused) = (0, 0);
    let mut judge = |damaged: &Value, place: &str| {
        if bear(&damaged.to_string(), place) {
            shown += 1;
        } else {
            refused += 1;
        }
    };
    for way in &found {
        let place = pointer(way);
        for damage in damages(whole.pointer(&place).unwrap()) {
            let mut damaged = whole.clone();
            *damaged.pointer_mut(&place).unwrap() = damage.clone();
            judge(&damaged, &format!("{place} = {damage}"));
        }
        let (key, parent) = way.split_last().unwrap();
        let mut damaged = whole.clone();
        if let Some(Value::Object(items)) = damaged.pointer_mut(&pointer(parent)) {
            items.remove(key);
            judge(&damaged, &format!("without {place}"));
        }
    }
    assert!(
        shown > 100 && refused > 500,
        "{shown} shown, {refused} refused"
    );
}

#[test]
fn what_is_no_number_of_a_race_is_named() {
    let record = record(&servers(2), &[Suite::Pipeline], 3);
    let text = record.json();
    let damaged = text.replace("\"requests\":", "\"requests\":18446744073709551615,\"x\":");
    let error = read_record(&damaged).unwrap_err();
    assert!(
        error.contains("requests cannot be 18446744073709551615"),
        "{error}"
    );
    let mut record = record;
    record.summaries[0].requests_per_second.least = 1e12;
    let error = read_record(&record.json()).unwrap_err();
    assert!(error.contains("least"), "{error}");
}

type Damage = fn(&mut PerConnection);

#[test]
fn connections_that_cannot_have_been_are_refused() {
    let whole = record(&servers(2), &[Suite::Pipeline], 3);
    let damages: [(Damage, bool); 8] = [
        (|each| each.starved = each.connections, true),
        (|each| (each.errors, each.with_errors) = (7, 3), true),
        (|each| each.starved = each.connections + 1, false),
        (|each| (each.errors, each.with_errors) = (8, 3), false),
        (|each| (each.errors, each.with_errors) = (2, 3), false),
        (|each| (each.errors, each.with_errors) = (2, 0), false),
        (|each| each.least = each.median + 1, false),
        (|each| each.greatest = each.p90 - 1, false),
    ];
    for (number, (damage, may_be)) in damages.into_iter().enumerate() {
        let mut record = whole.clone();
        record.results[0].errors.insert("reset".to_owned(), 7);
        damage(record.results[0].per_connection.as_mut().unwrap());
        let read = read_record(&record.json());
        assert_eq!(read.is_ok(), may_be, "{number}: {read:?}");
        if let Err(error) = read {
            assert!(error.contains("per_connection"), "{number}: {error}");
        }
    }
}
