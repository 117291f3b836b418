//! When requests are sent, and from when their latency counts.

use super::*;

#[test]
fn a_rate_is_kept() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    for flags in [["-q", "40", "-c", "2"], ["--rate", "80", "-c", "7"]] {
        let (ran, json) = measured(&[&["-z", "1s"], &flags[..], &[&url]].concat());
        let responses = number(&json["responses"]);
        assert!((76..=82).contains(&responses), "{flags:?}: {}", ran.text);
    }
    // By number: the last of 41 is due after half a second.
    let (_, json) = measured(&[
        "-n",
        "41",
        "--rate",
        "80",
        "-c",
        "7",
        "--threads",
        "2",
        &url,
    ]);
    let elapsed = number(&json["elapsed_ns"]);
    assert_eq!(number(&json["responses"]), 41);
    assert!((500_000_000..900_000_000).contains(&elapsed), "{elapsed}");
    assert!(number(&json["lag"]["count"]) > 0);
}

/// A server that stands still for 300 ms once: in the open model every request that was due
/// meanwhile saw it, in the closed model one for each connection.
#[test]
fn a_stall_cannot_hide_from_the_open_model() {
    let stalled = |flags: &[&str]| {
        let count = AtomicUsize::new(0);
        let url = format!(
            "http://{}/",
            serve(move |peer| {
                while peer.request().is_some() {
                    if count.fetch_add(1, Ordering::Relaxed) == 100 {
                        thread::sleep(Duration::from_millis(300));
                    }
                    peer.send(HELLO);
                }
            })
        );
        measured(&[&["-n", "400", "-c", "1"], flags, &[&url]].concat()).1
    };
    let slower_than = |json: &Value, nanos: u64| {
        let counts = json["latency"]["histogram"]["counts"].as_array().unwrap();
        counts
            .iter()
            .filter(|pair| number(&pair[0]) > nanos)
            .map(|pair| number(&pair[1]))
            .sum::<u64>()
    };
    // A busy machine may add stalls of its own: those are not in every one of a few runs. What the
    // server's stall makes slow is slow in each.
    let fewest_slow = |flags: &[&str], least: u64, most: u64| {
        let mut counts = Vec::new();
        while counts.len() < 8 && !counts.iter().any(|slow| *slow <= most) {
            let json = stalled(flags);
            assert!(number(&json["latency"]["max_ns"]) >= 300_000_000);
            let slow = slower_than(&json, 100_000_000);
            assert!(slow >= least, "{flags:?}: {slow}");
            counts.push(slow);
        }
        assert!(
            counts.iter().any(|slow| *slow <= most),
            "{flags:?}: {counts:?}"
        );
    };
    fewest_slow(&[], 1, 3);
    // 500 a second: 150 are due in the stall, and two thirds of them more than 100 ms before its end.
    fewest_slow(&["--rate", "500"], 95, 140);
}

/// A due request that waits for a free connection is late all the same.
#[test]
fn in_the_open_model_the_timeout_counts_from_the_due_time() {
    let url = format!(
        "http://{}/",
        serve(|peer| while peer.request().is_some() {})
    );
    let (ran, json) = measured(&["-n", "50", "-c", "1", "--rate", "500", "-t", "150ms", &url]);
    assert_eq!(ran.code, 1);
    assert_eq!(number(&json["errors"]["kinds"]["timeout"]), 50);
    assert!(number(&json["elapsed_ns"]) < 600_000_000, "{}", ran.text);
}

#[test]
fn warming_up_is_not_counted() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let json = succeeds(&["--warmup", "200ms", "--threads", "2"], move |peer| {
        while peer.request().is_some() {
            seen.fetch_add(1, Ordering::Relaxed);
            peer.send(HELLO);
        }
    });
    assert!(count.load(Ordering::Relaxed) > 100);
    assert_eq!(number(&json["connections"]["opened"]), 2);
    assert_eq!(number(&json["connections"]["opened_in_warmup"]), 2);
    assert_eq!(number(&json["connect"]["count"]), 0, "none was timed");
    assert!(number(&json["elapsed_ns"]) < 200_000_000);
}

#[test]
fn connecting_in_the_warm_up_is_in_no_row() {
    let file = TemporaryFile::new();
    let flags = ["--warmup", "100ms", "--samples", file.path()];
    succeeds(&flags, |peer| peer.answer_all(HELLO));
    let text = file.text();
    let rows = text.lines().skip(1);
    let dialups: Vec<&str> = rows.filter_map(|row| row.split(',').nth(1)).collect();
    assert_eq!(dialups, ["0.000000000"; 20]);
}

#[test]
fn machines_begin_together() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    for _ in 0..3 {
        let (_, json) = measured(&["-n", "2", "-c", "1", "--align", "300ms", &url]);
        let late = number(&json["started_unix_ms"]) % 300;
        assert!(late < 100, "{late}");
    }
}

/// Two requests in 4 s are half a request a second, though the second is sent after 2 s.
#[test]
fn the_last_interval_belongs_to_the_time() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    for (flags, length, requests) in [
        (["--rate", "4", "-z", "1s"], 1000, 4),
        (["--rate", "8", "-n", "4"], 500, 4),
        (["-q", "4", "-n", "2"], 500, 2),
        (["-q", "4", "-z", "1s"], 1000, 4),
    ] {
        let (_, json) = measured(&[&flags[..], &["-c", "1", &url]].concat());
        assert_eq!(number(&json["responses"]), requests, "{flags:?}");
        let millis = number(&json["elapsed_ns"]) / 1_000_000;
        assert!(
            (length..length + 200).contains(&millis),
            "{flags:?}: {millis} ms"
        );
    }
}

/// The clock decides whether an answer was in time, not a timer that may fire late.
#[test]
fn a_timeout_is_exact() {
    for (delay, timeouts) in [(60, 20), (10, 0)] {
        let url = format!(
            "http://{}/",
            serve(move |peer| {
                while peer.request().is_some() {
                    thread::sleep(Duration::from_millis(delay));
                    peer.send(HELLO);
                }
            })
        );
        let timeout = if timeouts > 0 { "59500us" } else { "5s" };
        let (ran, json) = measured(&["-n", "20", "-c", "2", "-t", timeout, &url]);
        let errors = number(&json["errors"]["kinds"]["timeout"]);
        assert_eq!(errors, timeouts, "{}", ran.text);
    }
    // Without an answer, the request times out when it is due.
    let url = format!(
        "http://{}/",
        serve(|peer| while peer.request().is_some() {})
    );
    let elapsed = (0..5)
        .map(|_| {
            let (_, json) = measured(&["-n", "1", "-c", "1", "-t", "900ms", &url]);
            number(&json["elapsed_ns"])
        })
        .min();
    let elapsed = elapsed.unwrap_or(0);
    assert!((900_000_000..903_000_000).contains(&elapsed), "{elapsed}");
}
