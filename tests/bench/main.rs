//! `hullo bench` against small servers that are correct in unusual ways, or wrong in some way.

mod answers;
mod bench;
mod broken;
mod errors;
mod faulty;
mod finding;
mod hostile;
mod live;
mod load;
mod merging;
mod pacing;
mod per_connection;
mod reports;
#[path = "../origin/server.rs"]
#[allow(dead_code)]
mod server;
mod workloads;

use std::io::Read as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench::{Ran, TemporaryFile, bench, command, measured, number, validate};
use faulty::{Peer, closed_port, serve};
use serde_json::Value;

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Sends 20 requests on 2 connections to a server, and expects an answer to each.
#[track_caller]
fn succeeds(flags: &[&str], handle: impl Fn(&mut Peer) + Send + Sync + 'static) -> Value {
    let url = format!("http://{}/{{n}}", serve(handle));
    let (ran, json) = measured(&[&["-n", "20", "-c", "2"], flags, &[&url]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.text);
    assert_eq!(number(&json["responses"]), 20, "{}", ran.text);
    assert_eq!(number(&json["errors"]["total"]), 0, "{}", ran.text);
    json
}
