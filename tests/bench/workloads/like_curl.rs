//! What curl would send: its commands, and forms.

use super::*;

/// Chrome's command, with a quotation mark in its content, from the command line, a file, and standard input.
#[test]
fn a_curl_command_is_sent_as_it_is() {
    let server = Server::start(&[]);
    let content = r#"{"name":"it's {seq}"}"#;
    let url = format!("http://{}/?echo=content", server.address());
    let line = format!(
        "curl '{url}' \\\n  -H 'Content-Type: application/json' \\\n  -H 'Connection: keep-alive' --compressed \\\n  --data-raw $'{}'",
        content.replace('\'', "\\'")
    );
    let command_file = file(&line);
    let at = format!("@{}", command_file.path());
    let expect = [
        "-n",
        "20",
        "-c",
        "2",
        "--expect-status",
        "200",
        "--expect-body",
        content,
    ];
    for text in [line.as_str(), at.as_str()] {
        let (ran, json) = measured(&[&expect[..], &["--curl", text]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.text);
        assert_eq!(number(&json["errors"]["total"]), 0);
        assert_eq!(
            (&json["settings"]["method"], &json["settings"]["url"]),
            (&"POST".into(), &url.as_str().into())
        );
    }
    let input = std::fs::File::open(&command_file.0).unwrap();
    let ran = Ran::from(
        command(&[&expect[..], &["--curl", "-"]].concat())
            .stdin(input)
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, 0, "{}{}", ran.text, ran.stderr);
    let ran = bench(&["--curl", "curl --frobnicate http://a/"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr
            .contains("the option --frobnicate of curl is not known"),
        "{}",
        ran.stderr
    );
    let told = bench(&["-n", "1", "-c", "1", "--curl", &format!("curl -L {url}")]);
    assert_eq!(told.code, 0);
    assert!(
        told.stderr
            .contains("note: -L of the curl command was left out"),
        "{}",
        told.stderr
    );
}

#[test]
fn a_curl_command_from_standard_input_is_not_for_hosts() {
    let command_file = file("curl http://127.0.0.1:1/");
    let input = std::fs::File::open(&command_file.0).unwrap();
    let flags = ["--hosts", "a,b", "--curl", "-"];
    let ran = Ran::from(command(&flags).stdin(input).output().unwrap());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let said = "--curl - reads standard input, which --hosts needs";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

/// curl itself is the judge: the server must see the same content from both.
#[test]
fn a_form_is_that_of_curl() {
    let body = file("bytes \0 of a file\r\n");
    let path = format!("doc=@{};type=text/x-test;filename=a b.txt", body.path());
    let parts = ["-F", "name=value; no attribute", "-F", &path];
    let seen = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&seen);
    let address = serve(move |peer| {
        while let Some(request) = peer.request() {
            *all.lock().unwrap() = request;
            peer.send(HELLO);
        }
    });
    let url = format!("http://{address}/");
    let parts = [&["-F", "name=value"][..], &parts[2..]].concat();
    let ran = bench(&[&["-n", "1", "-c", "1"][..], &parts, &[&url]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ours = seen.lock().unwrap().clone();
    let curl = std::process::Command::new("curl")
        .args(["-sS", "-H", "Expect:"])
        .args(&parts)
        .arg(&url)
        .output();
    assert!(curl.unwrap().status.success());
    let theirs = seen.lock().unwrap().clone();
    let plain = |request: &str| {
        let boundary = request
            .split("boundary=")
            .nth(1)
            .unwrap()
            .split("\r\n")
            .next()
            .unwrap();
        let content = request.split_once("\r\n\r\n").unwrap().1;
        assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
        content.replace(boundary, "BOUNDARY")
    };
    assert_eq!(plain(&ours), plain(&theirs));
}
