//! hey, read from the text that it prints. Its times have four decimals, and its sizes are those of the
//! content alone.

use super::{ANSWER_SECONDS, Call, Load, Order, Test, nanos, said_of_itself};

pub(super) fn version() -> Result<String, String> {
    // It has no version option; this shows whether it is installed.
    said_of_itself("hey", "-h").map(|_| "hey".to_owned())
}

pub(super) fn cannot(test: &Test) -> Option<&'static str> {
    if test.is_open_model() {
        Some("hey has no open model")
    } else if test.pipeline > 1 {
        Some("hey cannot pipeline")
    } else if test
        .requests
        .is_some_and(|requests| !requests.is_multiple_of(test.connections.max(1)))
    {
        Some("hey divides the requests evenly among its connections")
    } else {
        None
    }
}

pub(super) fn call(order: &Order<'_>) -> Call {
    let test = order.test;
    let mut arguments = vec![
        "-c".to_owned(),
        test.connections.to_string(),
        "-cpus".to_owned(),
        order.cores.len().max(1).to_string(),
        "-t".to_owned(),
        ANSWER_SECONDS.to_string(),
        // The request that was asked for, and no other one behind it.
        "-disable-redirects".to_owned(),
        "-disable-compression".to_owned(),
    ];
    match (test.requests, test.duration_ns) {
        (Some(requests), _) => arguments.extend(["-n".to_owned(), requests.to_string()]),
        (None, duration) => {
            arguments.extend(["-z".to_owned(), format!("{}ns", duration.unwrap_or(0))]);
        }
    }
    if !test.keepalive {
        arguments.push("-disable-keepalive".to_owned());
    }
    if let Some(host) = &order.workload.host {
        arguments.extend(["-host".to_owned(), host.clone()]);
    }
    arguments.extend(order.workload.arguments());
    arguments.push(order.url.to_owned());
    Call {
        program: "hey".into(),
        arguments,
        script: None,
    }
}

pub(super) fn read(output: &str) -> Result<Load, String> {
    let mut load = Load::default();
    let mut section = "";
    for line in output.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words.as_slice() {
            [name @ ("Summary:" | "Latency" | "Status" | "Error"), ..] => section = name,
            ["Total:", seconds, "secs"] => load.elapsed_ns = nanos(number(seconds)?),
            ["Slowest:", seconds, "secs"] => load.latency_ns.push((100.0, nanos(number(seconds)?))),
            ["Size/request:", bytes, "bytes"] => load.content_bytes = Some(number(bytes)?),
            [percent, "in", seconds, "secs"] if section == "Latency" => {
                // Some versions print 10%%.
                let percent = number(percent.trim_end_matches('%'))?;
                if percent >= 50.0 {
                    load.latency_ns.push((percent, nanos(number(seconds)?)));
                }
            }
            [status, count, "responses"] if section == "Status" => {
                let count = number(count)? as u64;
                load.requests += count;
                if !status.starts_with("[2") {
                    *load.errors.entry("status".to_owned()).or_default() += count;
                }
            }
            [count, ..] if section == "Error" && count.starts_with('[') => {
                let count = number(count.trim_matches(['[', ']']))? as u64;
                *load.errors.entry(kind(line)).or_default() += count;
            }
            _ => {}
        }
    }
    load.latency_ns.sort_by(|a, b| a.0.total_cmp(&b.0));
    if load.elapsed_ns == 0 {
        return Err(output.trim().to_owned());
    }
    Ok(load)
}

fn kind(line: &str) -> String {
    let kinds = [
        ("refused", "refused"),
        ("reset", "reset"),
        ("EOF", "closed"),
        ("exceeded", "timeout"),
        ("timeout", "timeout"),
    ];
    let found = kinds.iter().find(|(word, _)| line.contains(word));
    found.map_or("other", |(_, kind)| kind).to_owned()
}

fn number(text: &str) -> Result<f64, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_is_read() {
        let text = "
Summary:
  Total:	0.5000 secs
  Slowest:	0.0200 secs
  Fastest:	0.0001 secs
  Average:	0.0010 secs
  Requests/sec:	2000.0000
  
  Total data:	44000 bytes
  Size/request:	44 bytes

Response time histogram:
  0.000 [1]	|
  0.002 [900]	|■■■■

Latency distribution:
  10% in 0.0003 secs
  50%% in 0.0008 secs
  99% in 0.0150 secs

Details (average, fastest, slowest):
  DNS+dialup:	0.0000 secs, 0.0001 secs, 0.0200 secs

Status code distribution:
  [200]	990 responses
  [404]	5 responses

Error distribution:
  [3]	Get \"http://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused
  [2]	Get \"http://127.0.0.1:1/\": EOF
";
        let load = read(text).unwrap();
        assert_eq!((load.requests, load.elapsed_ns), (995, 500_000_000));
        assert_eq!(load.content_bytes, Some(44.0));
        assert_eq!(
            load.latency_ns,
            [(50.0, 800_000), (99.0, 15_000_000), (100.0, 20_000_000)]
        );
        let errors: Vec<(&str, u64)> = load
            .errors
            .iter()
            .map(|(kind, count)| (kind.as_str(), *count))
            .collect();
        assert_eq!(errors, [("closed", 2), ("refused", 3), ("status", 5)]);
        assert!(read("flag provided but not defined").is_err());
    }
}
