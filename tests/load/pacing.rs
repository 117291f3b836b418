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
    let closed = stalled(&[]);
    assert!(number(&closed["latency"]["max_ns"]) >= 300_000_000);
    assert!(
        slower_than(&closed, 100_000_000) <= 3,
        "{}",
        closed["latency"]
    );
    // 500 a second: 150 are due in the stall, and two thirds of them more than 100 ms before its end.
    let open = stalled(&["--rate", "500"]);
    assert!(number(&open["latency"]["max_ns"]) >= 300_000_000);
    let late = slower_than(&open, 100_000_000);
    assert!((90..=140).contains(&late), "{late}");
}

/// What is due and cannot be sent for want of a free connection is late all the same.
#[test]
fn in_the_open_model_the_time_out_runs_from_the_due_time() {
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
    assert_eq!(number(&json["connections"]["opened"]), 0, "they were open");
    assert!(number(&json["elapsed_ns"]) < 200_000_000);
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
