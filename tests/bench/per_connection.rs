//! Servers that serve some connections well and others badly.

use super::*;

const STARVED: &str = "had under a quarter as many answers as the best tenth";

/// A server that waits longer before each answer on some connections.
fn uneven(is_slow: fn(usize) -> bool) -> String {
    let address = serve(move |peer| {
        while peer.request().is_some() {
            let millis = if is_slow(peer.number) { 50 } else { 2 };
            thread::sleep(Duration::from_millis(millis));
            peer.send(HELLO);
        }
    });
    format!("http://{address}/")
}

fn warnings(json: &Value) -> String {
    json["warnings"].to_string()
}

#[test]
fn connections_that_starve_are_counted() {
    for (flags, is_slow, slow) in [
        (
            &["-z", "1500ms"][..],
            (|n| n % 2 == 0) as fn(usize) -> bool,
            20,
        ),
        (&["-z", "1500ms", "--threads", "2"], |n| n < 3, 3),
        (&["-n", "30000", "--threads", "2"], |n| n < 5, 5),
    ] {
        let (ran, json) = measured(&[flags, &["-c", "40", &uneven(is_slow)]].concat());
        let each = &json["per_connection"];
        assert_eq!(number(&each["answers"]["count"]), 40);
        assert_eq!(number(&each["answers"]["sum"]), number(&json["responses"]));
        assert_eq!(number(&each["starved"]), slow, "{flags:?} {}", ran.text);
        let said = format!("{slow} of 40 connections {STARVED}");
        assert!(warnings(&json).contains(&said), "{}", ran.text);
        assert!(
            ran.text.contains("answers per connection:\tmin "),
            "{}",
            ran.text
        );
        let slowest = number(&each["mean_latency_ns"]["max"]);
        assert!(slowest > 50_000_000, "{}", ran.text);
        assert!(
            number(&each["mean_latency_ns"]["min"]) * 2 < slowest,
            "{}",
            ran.text
        );
    }
}

/// At a rate, each free connection gets the next request, so a slow one gets few.
#[test]
fn connections_starve_at_a_rate_too() {
    let (ran, json) = measured(&[
        "-z",
        "1500ms",
        "-c",
        "40",
        "--rate",
        "4000",
        "--threads",
        "2",
        &uneven(|n| n % 4 == 0),
    ]);
    assert_eq!(
        number(&json["per_connection"]["starved"]),
        10,
        "{}",
        ran.text
    );
    assert!(warnings(&json).contains(STARVED), "{}", ran.text);
}

#[test]
fn no_warning_when_all_connections_are_served_alike() {
    let url = uneven(|_| false);
    for flags in [
        &["-z", "800ms", "--threads", "2"][..],
        &["-z", "800ms", "--rate", "2000", "--threads", "2"],
        &["-z", "800ms", "-q", "50", "--threads", "2"],
        &["-n", "4000", "--threads", "2", "--repeat", "2"],
    ] {
        let (ran, json) = measured(&[flags, &["-c", "41", &url]].concat());
        assert!(
            !warnings(&json).contains(STARVED),
            "{flags:?}: {}",
            ran.text
        );
        assert!(!warnings(&json).contains("all errors"), "{}", ran.text);
    }
}

/// The hash of `SO_REUSEPORT` gives one worker more connections than the other.
#[test]
fn no_warning_for_two_workers_of_a_fair_server() {
    use hullo::http::{Handler, Request, Responded, ResponseWriter};
    use hullo::server::{Options, Server};

    #[derive(Clone)]
    struct Hello;
    impl Handler for Hello {
        fn handle(&self, _: &Request<'_>, reply: ResponseWriter<'_>) -> Responded {
            reply.text(&[b"hello"])
        }
    }
    let options = Options::default()
        .address("127.0.0.1:0".parse().unwrap())
        .workers(2.try_into().unwrap());
    let running = Server::bind(options).unwrap().start(Hello).unwrap();
    let url = format!("http://{}/", running.local_addr());
    // A busy machine may starve one worker in a run, but not in every one.
    let is_fair = |_| {
        let (_, json) = measured(&["-z", "1s", "-c", "100", &url]);
        !warnings(&json).contains(STARVED)
    };
    assert!((0..3).any(is_fair));
    running.stop().unwrap();
}

#[test]
fn errors_concentrated_on_a_few_connections_are_reported() {
    let refuses = |peer: &mut Peer| {
        let answer = match peer.number {
            0..3 => "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
            _ => HELLO,
        };
        peer.answer_all(answer);
    };
    let url = format!("http://{}/", serve(refuses));
    let flags = ["-n", "2000", "-c", "20", "--expect-status", "200"];
    let (ran, json) = measured(&[&flags[..], &[&url]].concat());
    let each = &json["per_connection"];
    assert_eq!(number(&each["with_errors"]), 3, "{}", ran.text);
    assert_eq!(number(&each["errors"]), number(&json["errors"]["total"]));
    assert!(
        warnings(&json).contains("all errors came from 3 of 20 connections"),
        "{}",
        ran.text
    );
    assert!(
        ran.text.contains("with errors:\t3 of 20 connections\n"),
        "{}",
        ran.text
    );
    // Here each connection has errors.
    let count = AtomicUsize::new(0);
    let url = format!(
        "http://{}/",
        serve(move |peer| while peer.request().is_some() {
            match count.fetch_add(1, Ordering::Relaxed) % 3 {
                0 => return peer.reset(),
                _ => peer.send(HELLO),
            }
        })
    );
    let (ran, json) = measured(&["-n", "600", "-c", "20", &url]);
    assert!(
        number(&json["per_connection"]["with_errors"]) > 15,
        "{}",
        ran.text
    );
    assert_eq!(
        number(&json["per_connection"]["answers"]["count"]),
        20,
        "opened again, and the same"
    );
    assert!(!warnings(&json).contains("all errors"), "{}", ran.text);
}

/// 5 connections on 2 threads are split 3 and 2, and get 3 and 2 of 5 requests.
#[test]
fn threads_share_a_rate_as_they_share_the_connections() {
    let url = format!("http://{}/", serve(|peer| peer.answer_all(HELLO)));
    let (ran, json) = measured(&[
        "-n",
        "500",
        "-c",
        "5",
        "--rate",
        "250",
        "--threads",
        "2",
        &url,
    ]);
    let answers = &json["per_connection"]["answers"];
    assert_eq!(number(&answers["sum"]), 500, "{}", ran.text);
    // With half the rate per thread, they would have 83 and 125.
    let ends = (number(&answers["min"]), number(&answers["max"]));
    assert!(ends.0 >= 92 && ends.1 <= 115, "{ends:?}");
}
