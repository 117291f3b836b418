//! The open model with too little of something, and what a closed run hides.

use super::*;

/// Answers each request after this time, on every connection at once.
fn slow(millis: u64) -> String {
    let address = serve(move |peer| {
        while peer.request().is_some() {
            thread::sleep(Duration::from_millis(millis));
            peer.send(HELLO);
        }
    });
    format!("http://{address}/")
}

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[track_caller]
fn between(value: f64, low: f64, high: f64) {
    assert!(
        (low..=high).contains(&value),
        "{value} is not from {low} to {high}"
    );
}

/// 5 connections at 100 ms each carry 50 requests a second, not 200: of 600 due in 3 s, 150 are sent.
/// Request k is sent at floor(k / 5) * 100 ms and due at k * 5 ms.
#[test]
fn too_few_connections_are_the_first_line_and_the_numbers_are_right() {
    let url = slow(100);
    let flags = ["-z", "3s", "--rate", "200", "-c", "5", "--deadline", "3s"];
    let began = Instant::now();
    let (ran, json) = measured(&[&flags[..], &[&url]].concat());
    assert!(began.elapsed() < Duration::from_secs(5), "it ends in time");
    let first = ran.text.lines().next().unwrap();
    assert!(
        first.starts_with("Warning: the offered rate was not reached: 200.0 requests/s were due, "),
        "{}",
        ran.text
    );
    let needed = first.split("it takes at least ").nth(1).unwrap();
    let needed: u64 = needed.split(' ').next().unwrap().parse().unwrap();
    // 200 a second, 100 ms each: 20, and a few more if this machine is busy.
    assert!((20..26).contains(&needed), "{first}");
    assert_eq!(
        ran.text.matches("was not reached").count(),
        1,
        "{}",
        ran.text
    );
    let offer = &json["offer"];
    assert_eq!(
        (number(&offer["due"]), number(&offer["sending_ns"])),
        (600, 3_000_000_000)
    );
    between(float(&offer["sent_per_second"]), 40.0, 51.7);
    between(float(&offer["all_busy"]), 0.95, 1.0);
    let (answered, unanswered) = (number(&json["responses"]), &json["unanswered"]);
    assert_eq!(answered + number(&unanswered["waited"]["count"]), 600);
    assert_eq!(number(&unanswered["sent"]), 5);
    between(float(&json["elapsed_ns"]), 3.0e9, 3.2e9);
    between(
        float(&json["service"]["percentiles_ns"]["p50"]),
        99e6,
        115e6,
    );
    // The last of 145 answers: sent after 2.8 s, due after 0.72 s, and 100 ms for the answer.
    let last = u32::try_from(answered).unwrap() - 1;
    let slowest = f64::from(last / 5 * 100 + 100 - last * 5);
    let measured = float(&json["latency"]["max_ns"]) / 1e6;
    between(measured, slowest - 30.0, slowest + 300.0);
    assert!(ran.text.contains("50% in at least "), "{}", ran.text);
    let table = bench(&[&flags[..], &["-o", "csv", &url]].concat());
    let said = "warning: the offered rate was not reached: 200.0 requests/s";
    assert!(table.stderr.contains(said), "{}", table.stderr);
    assert!(table.text.starts_with("run,"), "{}", table.text);
    let condition = ["--fail-if", "p90>2s", "--fail-if", "unanswered>400"];
    let ran = bench(&[&flags[..], &condition, &[&url]].concat());
    assert_eq!(
        (ran.code, ran.stderr.matches("failed: ").count()),
        (3, 2),
        "{}",
        ran.stderr
    );
}

#[test]
fn auto_opens_as_many_connections_as_are_needed() {
    let url = slow(100);
    let flags = ["-z", "2s", "--rate", "200", "-c"];
    let (ran, json) = measured(&[&flags[..], &["auto", &url]].concat());
    let used = number(&json["offer"]["connections_used"]);
    // 20 in flight, and more where this machine stands still for a while.
    assert!((20..120).contains(&used), "{used}");
    assert_eq!(number(&json["connections"]["opened"]), used);
    assert_eq!(number(&json["per_connection"]["answers"]["count"]), used);
    assert_eq!(number(&json["responses"]), 400);
    assert!(!ran.text.contains("was not reached"), "{}", ran.text);
    assert!(
        ran.text
            .contains(&format!("Connections used:\t{used} of at most 1000\n")),
        "{}",
        ran.text
    );
    // With a bound below that, it is the bound that is too low.
    let (ran, json) = measured(&[&flags[..], &["auto:4", "--deadline", "2s", &url]].concat());
    assert_eq!(number(&json["offer"]["connections_used"]), 4);
    assert!(
        ran.text.contains("Too few connections: all 4 were busy"),
        "{}",
        ran.text
    );
    assert!(ran.text.contains("(-c auto:2"), "{}", ran.text);
}

/// One request at a time, 20 ms each: 50 a second, however many connections there are.
#[test]
fn a_server_that_does_not_keep_up_is_told_from_too_few_connections() {
    let one = Arc::new(Mutex::new(()));
    let address = serve(move |peer| {
        while peer.request().is_some() {
            let turn = one.lock().unwrap();
            thread::sleep(Duration::from_millis(20));
            drop(turn);
            peer.send(HELLO);
        }
    });
    let url = format!("http://{address}/");
    let flags = [
        "-z",
        "2s",
        "--rate",
        "150",
        "-c",
        "auto",
        "--deadline",
        "2s",
    ];
    let (ran, json) = measured(&[&flags[..], &[&url]].concat());
    let first = json["warnings"][0].as_str().unwrap();
    assert!(
        first.contains("The server was the limit: requests without an answer grew from "),
        "{}",
        ran.text
    );
    let half = float(&json["offer"]["backlog_at_half"]);
    // Each second 150 come and 50 go.
    between(half, 80.0, 130.0);
    between(float(&json["offer"]["backlog_at_end"]) / half, 1.6, 2.4);
}

#[test]
fn a_ramp_and_steps_are_reported_by_phase() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let (ran, json) = measured(&["-z", "1s", "--rate", "100,300", "-c", "9", &url]);
    assert_eq!(number(&json["responses"]), 200);
    let phases = json["phases"].as_array().unwrap();
    let counts: Vec<u64> = phases
        .iter()
        .map(|phase| number(&phase["latency"]["count"]))
        .collect();
    assert_eq!(counts, [50, 150], "{}", ran.text);
    assert!(
        ran.text
            .contains("\n  0.5 s, 300/s:\t150 of 150 answered; 50% "),
        "{}",
        ran.text
    );
    let flags = [
        "-z",
        "1s",
        "--rate",
        "50..350",
        "-c",
        "auto",
        "--arrivals",
        "poisson",
    ];
    let (_, json) = measured(&[&flags[..], &[&url]].concat());
    // 200 on average, with a standard deviation of 14.
    between(float(&json["responses"]), 130.0, 270.0);
    assert_eq!(json["phases"].as_array().unwrap().len(), 10);
    assert_eq!(json["settings"]["rates"], "50..350");
    let (_, again) = measured(&[&flags[..], &[&url]].concat());
    assert_eq!(again["responses"], json["responses"], "the same seed");
    let (_, other) = measured(&[&flags[..], &["--seed", "2", "--repeat", "2", &url]].concat());
    assert_eq!(other["phases"].as_array().unwrap().len(), 10);
    let sum: u64 = other["phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| number(&phase["latency"]["count"]))
        .sum();
    assert_eq!(sum, number(&other["responses"]));
}

/// A closed run sends nothing in a stall: 1 of 2 connections has 1 slow answer for each. A rate shows all.
#[test]
fn a_closed_run_says_what_a_stall_has_hidden() {
    let count = AtomicUsize::new(0);
    let address = serve(move |peer| {
        while peer.request().is_some() {
            if count.fetch_add(1, Ordering::Relaxed) == 2000 {
                thread::sleep(Duration::from_millis(900));
            }
            peer.send(HELLO);
        }
    });
    let url = format!("http://{address}/");
    let (ran, json) = measured(&["-n", "4000", "-c", "1", &url]);
    let closed = &json["closed_model"];
    between(float(&closed["in_flight"]), 0.9, 1.01);
    assert!(number(&json["latency"]["percentiles_ns"]["p99"]) < 100_000_000);
    assert!(
        number(&closed["if_steady_ns"]["p99"]) > 300_000_000,
        "{closed}"
    );
    assert!(ran.text.contains("coordinated omission"), "{}", ran.text);
    assert!(
        ran.text.contains("\nClosed model:\n  in flight:\t"),
        "{}",
        ran.text
    );
    let (ran, json) = measured(&["-n", "20", "-c", "1", "--rate", "100", &url]);
    assert!(json["closed_model"].is_null() && !ran.text.contains("Closed model"));
}

/// Also without a rate, and when requests are limited by their number.
#[test]
fn a_deadline_ends_any_run() {
    let url = format!(
        "http://{}/",
        serve(|peer| while peer.request().is_some() {})
    );
    for (flags, left) in [
        (&["-n", "500", "-c", "2"][..], 2),
        (&["-z", "300ms", "-c", "2", "-p", "3"], 6),
        (&["-n", "10", "--rate", "100", "-c", "2"], 10),
    ] {
        let began = Instant::now();
        let (ran, json) = measured(&[flags, &["--deadline", "300ms", &url]].concat());
        assert!(began.elapsed() < Duration::from_secs(3));
        let unanswered = &json["unanswered"];
        assert_eq!(number(&unanswered["waited"]["count"]), left, "{}", ran.text);
        between(float(&unanswered["waited"]["max_ns"]), 290e6, 600e6);
        assert_eq!((ran.code, number(&json["unfinished"])), (1, 0));
    }
    let (ran, _) = measured(&["-n", "500", "-c", "2", "--deadline", "100ms", &url]);
    assert!(
        ran.text
            .contains("2 requests had no answer, and 498 were not sent"),
        "{}",
        ran.text
    );
}

#[test]
fn loads_that_cannot_be_are_refused() {
    for (flags, word) in [
        (&["-c", "auto"][..], "-c auto needs --rate"),
        (&["--rate", "1..9", "-n", "50"], "with -z"),
        (
            &["--rate", "9", "-p", "2", "--arrivals", "poisson"],
            "needs a constant --rate",
        ),
        (
            &["--rate", "1,9", "-p", "2", "-z", "1s"],
            "needs a constant --rate",
        ),
        (&["--deadline", "1s", "-z", "2s"], "before the end of -z 2s"),
        (&["--deadline", "0"], "before it begins"),
    ] {
        let ran = bench(&[flags, &["http://127.0.0.1:9/"]].concat());
        assert_eq!(ran.code, 2, "{flags:?}");
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
}
