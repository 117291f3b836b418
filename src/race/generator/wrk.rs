//! wrk, with a script that pipelines and prints exact numbers.

use super::{ANSWER_SECONDS, Call, Load, Order, Test, nanos, said_of_itself};

/// For 16 requests in a write their bytes are made once; at the end, a line of numbers.
const SCRIPT: &str = r#"
local depth = DEPTH
local batch
function init(args)
    local requests = {}
    for place = 1, depth do requests[place] = wrk.format() end
    batch = table.concat(requests)
end
function request() return batch end
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format("hullo %d %d %d connect=%d read=%d write=%d status=%d timeout=%d\n",
        summary.duration, summary.requests, summary.bytes,
        errors.connect, errors.read, errors.write, errors.status, errors.timeout))
    for _, percent in ipairs({50, 75, 90, 95, 99, 99.9, 99.99, 100}) do
        io.write(string.format("percentile %g %d\n", percent,
            percent < 100 and latency:percentile(percent) or latency.max))
    end
end
"#;

const SECOND_NS: u64 = 1_000_000_000;

pub(super) fn version() -> Result<String, String> {
    said_of_itself("wrk", "-v")
}

pub(super) fn cannot(test: &Test) -> Option<&'static str> {
    if test.is_open_model() {
        Some("wrk has no open model")
    } else if test.requests.is_some_and(|requests| requests > 0) {
        Some("wrk cannot stop after a number of requests")
    } else if test
        .duration_ns
        .is_some_and(|nanos| !nanos.is_multiple_of(SECOND_NS))
    {
        Some("wrk runs for whole seconds only")
    } else {
        None
    }
}

pub(super) fn call(order: &Order<'_>) -> Call {
    let test = order.test;
    let seconds = test.duration_ns.unwrap_or(0) / SECOND_NS;
    let threads = (order.cores.len() as u64).clamp(1, test.connections.max(1));
    let mut arguments = vec![
        format!("-t{threads}"),
        format!("-c{}", test.connections),
        format!("-d{seconds}s"),
        format!("--timeout={ANSWER_SECONDS}s"),
    ];
    if !test.keepalive {
        arguments.extend(["-H", "Connection: close"].map(str::to_owned));
    }
    arguments.push(order.url.to_owned());
    Call {
        program: "wrk".into(),
        arguments,
        script: Some(
            order.workload.script() + &SCRIPT.replace("DEPTH", &test.pipeline.to_string()),
        ),
    }
}

pub(super) fn read(output: &str) -> Result<Load, String> {
    let mut load = Load::default();
    let number = |text: &str| {
        text.parse::<f64>()
            .map_err(|_| format!("{text:?} is not a number"))
    };
    for line in output.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words.as_slice() {
            ["hullo", micros, requests, bytes, ref errors @ ..] => {
                load.elapsed_ns = nanos(number(micros)? / 1e6);
                load.requests = number(requests)? as u64;
                if load.requests > 0 {
                    load.response_bytes = Some(number(bytes)? / load.requests as f64);
                }
                for error in errors {
                    let (kind, count) = error.split_once('=').unwrap_or((error, "0"));
                    let count = number(count)? as u64;
                    if count > 0 {
                        load.errors.insert(kind.to_owned(), count);
                    }
                }
            }
            ["percentile", percent, micros] if load.requests > 0 => {
                load.latency_ns
                    .push((number(percent)?, nanos(number(micros)? / 1e6)));
            }
            _ => {}
        }
    }
    if load.elapsed_ns == 0 {
        return Err(output.trim().to_owned());
    }
    Ok(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_line_is_read() {
        let text = "Running 1s test @ http://127.0.0.1:1/\n  1000 requests in 1.00s\n\
            hullo 1000000 1000 155000 connect=0 read=2 write=0 status=7 timeout=0\n\
            percentile 50 120\npercentile 99.9 4000\npercentile 100 5000\n";
        let load = read(text).unwrap();
        assert_eq!((load.requests, load.elapsed_ns), (1000, 1_000_000_000));
        assert_eq!(load.response_bytes, Some(155.0));
        assert_eq!(
            load.latency_ns,
            [(50.0, 120_000), (99.9, 4_000_000), (100.0, 5_000_000)]
        );
        let errors: Vec<(&str, u64)> = load
            .errors
            .iter()
            .map(|(kind, count)| (kind.as_str(), *count))
            .collect();
        assert_eq!(errors, [("read", 2), ("status", 7)]);
        assert!(read("unable to connect to 127.0.0.1:1 Connection refused").is_err());
    }
}
