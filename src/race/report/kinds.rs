//! Records of every kind that a report must handle.

use super::sample::{ALL, Server, record, server, servers, summarise};
use crate::race::record::{Record, Suite};

/// All kinds of records that a report must handle, by name.
pub(super) fn all() -> Vec<(&'static str, Record)> {
    let url = Server {
        is_ours: false,
        ..server("elsewhere", 5000.0)
    };
    let with_url = [servers(1), vec![url]].concat();
    let odd = [
        server(HOSTILE, 3720.0),
        server("größer 日本語のサーバー", 4000.0),
        server("a-name-of-forty-characters-that-is-long-1", 4800.0),
        server("a-name-of-forty-characters-that-is-long-2", 6000.0),
    ];
    let mut few = record(&servers(2), &[Suite::Article], 3);
    for result in &mut few.results {
        result.latency_ns.clear();
    }
    summarise(&mut few);
    let one_rate = {
        let mut record = record(&servers(3), &[Suite::Rate], 2);
        record.tests.truncate(1);
        record
    };
    vec![
        ("three", record(&servers(3), &ALL, 5)),
        ("seventeen", record(&servers(17), &ALL, 3)),
        ("one", record(&servers(1), &ALL, 5)),
        ("once", record(&servers(3), &ALL, 1)),
        ("url", record(&with_url, &[Suite::Article, Suite::Idle], 3)),
        ("odd", record(&odd, &ALL, 3)),
        ("out", out()),
        ("nothing", nothing()),
        ("no-latency", few),
        ("one-rate", one_rate),
        ("cost", record(&servers(4), &[Suite::Cost], 3)),
        ("sweep", record(&servers(4), &[Suite::Sweep], 3)),
        ("idle", record(&servers(5), &[Suite::Idle], 3)),
        ("empty", record(&[], &[], 1)),
    ]
}

pub(super) const HOSTILE: &str = "<script>&\"'|`*";

/// One is out after a round, one before, and one had errors.
fn out() -> Record {
    let mut record = record(&servers(4), &ALL, 3);
    record.targets[2].out = Some("it ended with signal 11 in round 2".to_owned());
    record.targets[3].out = Some("it did not listen within 10 s.".to_owned());
    record.targets[3].behaviour.clear();
    record
        .results
        .retain(|result| result.target != "warp" && (result.target != "Go" || result.round == 1));
    for result in &mut record.results {
        if result.target == "hyper" {
            result.errors.insert("timeout".to_owned(), 12);
            result.errors.insert("connect".to_owned(), 1);
        }
    }
    summarise(&mut record);
    record
}

/// Nothing was answered, so nothing divides.
fn nothing() -> Record {
    let mut record = record(&servers(2), &[Suite::Article], 3);
    for result in &mut record.results {
        result.requests = 0;
        result.requests_per_second = 0.0;
        result.latency_ns.clear();
        result.response_bytes = None;
        result.generator.cpu_ns_per_request = f64::NAN;
        result.errors.insert("connect".to_owned(), 100);
        if let Some(server) = &mut result.server {
            server.cpu_ns_per_request = f64::INFINITY;
        }
    }
    summarise(&mut record);
    record
}
