//! Correct answers in every form that a server may choose.

use super::*;

#[test]
fn answers_in_every_framing() {
    for (answer, bytes) in [
        (HELLO, 100),
        ("HTTP/1.1 204 No Content\r\n\r\n", 0),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 0),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            20,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\n",
            100,
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
            20,
        ),
    ] {
        let json = succeeds(&[], move |peer| peer.answer_all(answer));
        assert_eq!(number(&json["body_bytes"]), bytes, "{answer}");
        assert_eq!(number(&json["connections"]["opened"]), 2, "{answer}");
        assert_eq!(
            number(&json["connections"]["closed_by_server"]),
            0,
            "{answer}"
        );
    }
}

#[test]
fn answers_that_come_in_pieces() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    succeeds(&["--expect-body", "hello"], move |peer| {
        while peer.request().is_some() {
            for byte in answer.chars() {
                peer.send(&byte.to_string());
                thread::sleep(Duration::from_micros(50));
            }
        }
    });
    // Longer than any block.
    let long = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n{}",
        "x".repeat(3_000_000)
    );
    let json = succeeds(&[], move |peer| peer.answer_all(&long));
    assert_eq!(number(&json["body_bytes"]), 60_000_000);
}

#[test]
fn answers_to_head() {
    for fields in ["Content-Length: 500", "Transfer-Encoding: chunked", "X: y"] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n");
        let json = succeeds(&["-m", "head"], move |peer| {
            while let Some(request) = peer.request() {
                assert!(request.starts_with("HEAD /0 HTTP/1.1\r\n"), "{request}");
                peer.send(&answer);
            }
        });
        assert_eq!(number(&json["connections"]["opened"]), 2);
    }
}

#[test]
fn a_close_after_each_answer_is_followed_by_a_new_connection() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\n\r\nhello",
    ] {
        let json = succeeds(&["--expect-body", "hello"], move |peer| {
            peer.request();
            peer.send(answer);
            peer.close();
        });
        let connections = &json["connections"];
        assert_eq!(number(&connections["opened"]), 20, "{answer}");
        assert_eq!(number(&connections["closed_by_server"]), 20, "{answer}");
        assert_eq!(number(&json["connect"]["count"]), 20, "{answer}");
    }
}

#[test]
fn a_connection_for_each_request() {
    let json = succeeds(&["-disable-keepalive"], |peer| {
        let request = peer.request().unwrap_or_default();
        assert!(request.contains("\r\nConnection: close\r\n"), "{request}");
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        peer.close();
    });
    assert_eq!(number(&json["connections"]["opened"]), 20);
    assert_eq!(
        number(&json["connections"]["closed_by_server"]),
        0,
        "it was asked to"
    );
}

/// 20 requests, 3 on each connection, are 6 whole connections and one with 2, however they are pipelined.
#[test]
fn a_connection_is_closed_after_so_many_answers() {
    for pipeline in ["1", "2", "5"] {
        let counts = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&counts);
        let address = serve(move |peer| {
            let mut count = 0;
            while peer.request().is_some() {
                count += 1;
                peer.send(HELLO);
            }
            seen.lock().unwrap().push(count);
        });
        let url = format!("http://{address}/");
        let flags = ["-n", "20", "-c", "1", "--requests-per-connection", "3"];
        let (ran, json) = measured(&[&flags[..], &["-p", pipeline, &url]].concat());
        assert_eq!(number(&json["responses"]), 20, "{}", ran.text);
        assert_eq!(number(&json["errors"]["total"]), 0);
        assert_eq!(number(&json["settings"]["requests_per_connection"]), 3);
        let connections = &json["connections"];
        assert_eq!(number(&connections["opened"]), 7, "-p {pipeline}");
        assert_eq!(number(&connections["closed_by_server"]), 0);
        while counts.lock().unwrap().len() < 7 {
            thread::sleep(Duration::from_millis(1));
        }
        let mut counts = counts.lock().unwrap().clone();
        counts.sort_unstable();
        assert_eq!(counts, [2, 3, 3, 3, 3, 3, 3], "-p {pipeline}");
    }
    // The server may close earlier: then the count begins again.
    let json = succeeds(&["--requests-per-connection", "3"], |peer| {
        peer.request();
        peer.send(HELLO);
        peer.request();
        peer.send(&HELLO.replace("Content", "Connection: close\r\nContent"));
        peer.close();
    });
    // The two connections may have an odd number of requests each.
    let connections = &json["connections"];
    let counts = (
        number(&connections["opened"]),
        number(&connections["closed_by_server"]),
    );
    assert!([(10, 10), (11, 9)].contains(&counts), "{counts:?}");
}

/// Answers each request with its path, after `order` has seen the batch.
fn echo(
    batch: usize,
    order: impl Fn(&mut Vec<String>) + Send + Sync + 'static,
) -> impl Fn(&mut Peer) + Send + Sync + 'static {
    move |peer| {
        loop {
            let mut bodies = Vec::new();
            while bodies.len() < batch {
                let Some(request) = peer.request() else {
                    return;
                };
                bodies.push(request.split(' ').nth(1).unwrap().to_owned());
            }
            order(&mut bodies);
            let answer = |body: &String| {
                let length = body.len();
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
            };
            let answers: Vec<String> = bodies.iter().map(answer).collect();
            peer.send(&answers.concat());
        }
    }
}

#[test]
fn pipelined_answers_come_in_the_order_of_their_requests() {
    let flags = ["-p", "5", "--expect-body", "/{n}"];
    succeeds(&flags, echo(5, |_| {}));
    let url = format!(
        "http://{}/{{n}}",
        serve(echo(5, |bodies| bodies.swap(1, 3)))
    );
    let (_, json) = measured(&[&["-n", "20", "-c", "2"], &flags[..], &[&url]].concat());
    assert_eq!(number(&json["errors"]["kinds"]["body"]), 8, "two of five");
    assert_eq!(number(&json["responses"]), 20);
}

#[test]
fn requests_behind_a_closing_answer_are_sent_again() {
    let json = succeeds(&["-p", "5", "--expect-body", "/{n}"], |peer| {
        let request = peer.request().unwrap_or_default();
        let path = request.split(' ').nth(1).unwrap_or_default();
        peer.send(&format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{path}",
            path.len()
        ));
        peer.close();
    });
    assert_eq!(number(&json["connections"]["opened"]), 20);
    // Of each batch of five, four, three, two and one.
    assert_eq!(
        number(&json["connections"]["requests_sent_again"]),
        4 * (4 + 3 + 2 + 1)
    );
}

#[test]
fn the_request_is_what_the_flags_say() {
    let seen = Arc::new(Mutex::new(String::new()));
    let url = format!(
        "http://{}/a?b=c",
        serve({
            let seen = Arc::clone(&seen);
            move |peer| {
                while let Some(request) = peer.request() {
                    *seen.lock().unwrap() = request;
                    peer.send(HELLO);
                }
            }
        })
    );
    let ran = bench(&[
        "-n",
        "1",
        "-c",
        "1",
        "-m",
        "patch",
        "-H",
        "X: y",
        "-H",
        "X: z",
        "-A",
        "text/*",
        "-a",
        "u:p",
        "-T",
        "text/plain",
        "-d",
        "a=1",
        "-host",
        "name",
        &url,
    ]);
    assert_eq!(ran.code, 0);
    let agent = concat!("hullo/", env!("CARGO_PKG_VERSION"));
    let expected = format!(
        "PATCH /a?b=c HTTP/1.1\r\nHost: name\r\nUser-Agent: {agent}\r\nX: y\r\nX: z\r\nAccept: text/*\r\nAuthorization: Basic dTpw\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\na=1"
    );
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_body_that_is_taken_slowly_is_sent_whole() {
    let body = TemporaryFile::new();
    std::fs::write(&body.0, "x".repeat(8_000_000)).unwrap();
    let lengths = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lengths);
    let json = succeeds(&["-m", "POST", "-D", body.path()], move |peer| {
        thread::sleep(Duration::from_millis(30));
        while let Some(request) = peer.request() {
            seen.lock()
                .unwrap()
                .push(request.split("\r\n\r\n").nth(1).unwrap().len());
            peer.send(HELLO);
        }
    });
    assert_eq!(*lengths.lock().unwrap(), [8_000_000; 20]);
    assert_eq!(number(&json["connections"]["opened"]), 2);
}

/// RFC 9112 section 9.6: a server that refuses a body may answer before its end, and close.
#[test]
fn an_answer_before_the_end_of_the_request_counts() {
    let body = TemporaryFile::new();
    std::fs::write(&body.0, "x".repeat(20_000_000)).unwrap();
    let json = succeeds(&["-m", "POST", "-D", body.path()], |peer| {
        let _ = peer.stream.read(&mut [0; 1000]);
        peer.send("HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n\r\n");
        peer.close();
    });
    assert_eq!(number(&json["statuses"]["413"]), 20);
    assert_eq!(number(&json["connections"]["opened"]), 20);
}

#[test]
fn a_unix_socket() {
    use std::io::Write as _;
    let socket = TemporaryFile::new();
    let listener = std::os::unix::net::UnixListener::bind(&socket.0).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                while matches!(stream.read(&mut [0; 1000]), Ok(1..)) {
                    stream.write_all(HELLO.as_bytes()).unwrap();
                }
            });
        }
    });
    let (ran, json) = measured(&[
        "-n",
        "50",
        "-c",
        "3",
        "--unix-socket",
        socket.path(),
        "http://some.name/",
    ]);
    assert_eq!((ran.code, number(&json["responses"])), (0, 50));
}
