//! The command line beside its jobs: version, completions, man pages, configuration, and `hullo check`.
#![allow(missing_docs)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

fn hullo(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hullo"));
    command.env_clear().envs(variables.iter().copied());
    command.args(arguments).output().unwrap()
}

/// Exit code, standard output and standard error.
#[track_caller]
fn check(
    arguments: &[&str],
    variables: &[(&str, &str)],
    (code, stdout, stderr): (i32, &str, &str),
) {
    let output = hullo(arguments, variables);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(
        (text(output.stdout), text(output.stderr)),
        (stdout.to_owned(), stderr.to_owned())
    );
    assert_eq!(output.status.code(), Some(code));
}

fn stdout(arguments: &[&str]) -> String {
    let output = hullo(arguments, &[]);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_command_has_the_name_and_version_of_the_program() {
    let version = stdout(&["--version"]);
    let own = concat!("hullo ", env!("CARGO_PKG_VERSION"));
    let commit = version.strip_prefix(own).unwrap().trim_end();
    let is_commit = |text: &str| {
        let name = text.strip_prefix(" (").and_then(|it| it.strip_suffix(')'));
        name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    assert!(commit.is_empty() || is_commit(commit), "{version}");
    for arguments in [
        ["serve", "-V"],
        ["bench", "-V"],
        ["race", "--version"],
        ["check", "-V"],
    ] {
        assert_eq!(stdout(&arguments), version, "{arguments:?}");
    }
}

#[test]
fn each_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&["completions", shell]);
        for word in ["access-log-format", "max-fields", "bench", "completions"] {
            assert!(script.contains(word), "{shell} knows no {word}");
        }
        assert!(!script.contains('\u{1b}'), "{shell}: an escape sequence");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hullo.bash");
    fs::write(&path, stdout(&["completions", "bash"])).unwrap();
    let script = r#"
        source "$0"
        COMP_WORDS=(hullo serve --access) COMP_CWORD=2
        _hullo hullo --access serve
        echo "${COMPREPLY[@]}""#;
    let bash = Command::new("bash")
        .args(["-c", script])
        .arg(&path)
        .output();
    let words = String::from_utf8(bash.unwrap().stdout).unwrap();
    assert_eq!(words, "--access-log --access-log-format\n");
}

#[test]
fn each_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(stdout(&["man", path]), "");
    let mut pages: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort_unstable();
    let expected = [
        "hullo-bench.1",
        "hullo-check.1",
        "hullo-completions.1",
        "hullo-race.1",
        "hullo-serve.1",
        "hullo.1",
    ];
    assert_eq!(pages, expected);
    for page in &pages {
        let text = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(
            text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"),
            "{page}"
        );
        assert!(!text.contains('\u{1b}'), "{page}: an escape sequence");
    }
    let missing = folder.path().join("no");
    let missing = missing.to_str().unwrap();
    let sentence =
        format!("hullo man: cannot write to {missing}: No such file or directory (os error 2)\n");
    check(&["man", missing], &[], (1, "", &sentence));
}

#[test]
fn the_configuration_says_where_each_value_comes_from() {
    let variables = [
        ("HULLO_MAX_FIELDS", "7"),
        ("PORT", "81"),
        ("HULLO_GRACE", "1m"),
    ];
    let flags = [
        "--print-config",
        "--grace",
        "90s",
        "--test-endpoints",
        "--access-log",
        "a b",
    ];
    let output = hullo(&flags, &variables);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .collect()
        })
        .collect();
    for row in [
        ["setting", "value", "from"],
        ["--host", "127.0.0.1", "default"],
        ["--port", "81", "PORT"],
        ["--workers", "auto", "default"],
        ["--max-fields", "7", "HULLO_MAX_FIELDS"],
        ["--grace", "90s", "--grace"],
        ["--test-endpoints", "on", "--test-endpoints"],
        ["--access-log", "a b", "--access-log"],
        ["--test-defaults", "(none)", "default"],
    ] {
        assert!(rows.contains(&row.to_vec()), "{row:?} is not in\n{text}");
    }
    let listen = ("HULLO_LISTEN", "81 unix:/a");
    for (flags, unused) in [
        (&["--print-config"][..], &["--host", "--port"][..]),
        (&["--print-config", "--port", "82"], &["--listen"]),
    ] {
        let text = String::from_utf8(hullo(flags, &[listen]).stdout).unwrap();
        let marked = text.lines().filter(|line| line.contains("not used"));
        let marked: Vec<&str> = marked.filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(marked, unused, "{text}");
    }
    let wrong = [("HULLO_MAX_FIELDS", "0")];
    let sentence = "hullo: HULLO_MAX_FIELDS=0: out of range: from 1 to 256\n";
    check(&["serve", "--print-config"], &wrong, (2, "", sentence));
    // As the server refuses it.
    let wrong = [
        ("HULLO_TEST_ENDPOINTS", "on"),
        ("HULLO_TEST_DEFAULTS", "delay=1x"),
    ];
    let refused = hullo(&["--port=0"], &wrong);
    let sentence = String::from_utf8(refused.stderr).unwrap();
    assert!(sentence.contains("delay=1x: not a time"), "{sentence}");
    check(&["--print-config"], &wrong, (2, "", &sentence));
}

/// Answers each connection with these bytes, after a request has come.
fn serve(reply: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(reply.as_bytes());
        }
    });
    address
}

#[test]
fn a_check_tells_a_good_response_from_others() {
    for (reply, code, says) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0, "200"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 0, "204"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\nuntil the end",
            0,
            "200",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            1,
            "status 503, not 2xx",
        ),
        (
            "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
            1,
            "status 302, not 2xx",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
            1,
            "the connection ended before the response did",
        ),
        ("", 1, "the connection ended before the response did"),
        ("SSH-2.0-x\r\n", 1, "bad response: not HTTP/1"),
    ] {
        let url = format!("http://{}/@a?b=@", serve(reply));
        let (stdout, stderr) = match code {
            0 => (format!("{url}: {says}\n"), String::new()),
            _ => (String::new(), format!("hullo check: {url}: {says}\n")),
        };
        check(&["check", &url], &[], (code, &stdout, &stderr));
    }
}

#[test]
fn a_check_ends_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let start = Instant::now();
    let sentence = format!("hullo check: {url}: no response within 200ms\n");
    check(
        &["check", "--timeout", "200ms", &url],
        &[],
        (1, "", &sentence),
    );
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_check_without_a_server_fails() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let sentence =
        format!("hullo check: http://{free}/: cannot connect: Connection refused (os error 111)\n");
    let port = free.port().to_string();
    check(&["check"], &[("PORT", &port)], (1, "", &sentence));
    let any = [("PORT", &port[..]), ("HULLO_HOST", "0.0.0.0")];
    check(&["check"], &any, (1, "", &sentence));
    // By IPv4 too: without IPv6 the server listens at 0.0.0.0.
    let listen = format!(":{port} unix:/socket");
    check(&["check"], &[("HULLO_LISTEN", &listen)], (1, "", &sentence));
}

#[test]
fn a_check_of_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let requests = thread::spawn(move || {
        let mut requests = String::new();
        for stream in listener.incoming().take(3) {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap();
            requests += std::str::from_utf8(&request[..read]).unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .unwrap();
        }
        requests
    });
    for path_and_query in ["", ":/a?b"] {
        let url = format!("unix:{}{path_and_query}", path.display());
        check(&["check", &url], &[], (0, &format!("{url}: 200\n"), ""));
    }
    let url = format!("unix:{}", path.display());
    let listen = format!("{url},mode=600 8080");
    let said = format!("{url}: 200\n");
    check(&["check"], &[("HULLO_LISTEN", &listen)], (0, &said, ""));
    let requests = requests.join().unwrap();
    assert!(
        requests.starts_with("GET / HTTP/1.1\r\nHost: localhost\r\n"),
        "{requests}"
    );
    assert!(requests.contains("GET /a?b HTTP/1.1\r\n"), "{requests}");
}

#[test]
fn a_wrong_url_says_what_to_write() {
    for (url, sentence) in [
        ("127.0.0.1", "the URL has no scheme: write http://127.0.0.1"),
        (
            "https://a/",
            "hullo check has no TLS: check the http:// URL behind the TLS proxy",
        ),
        (
            "http://u:p@a/",
            "a URL must not contain credentials: hullo check sends none",
        ),
        (
            "unix:",
            "the path of the socket is missing: write unix:/run/hullo.sock",
        ),
    ] {
        check(
            &["check", url],
            &[],
            (2, "", &format!("hullo check: {sentence}\n")),
        );
    }
    let wrong = [("PORT", "x")];
    let sentence = "hullo check: PORT=x: not a number: write one from 0 to 65535\n";
    check(&["check"], &wrong, (2, "", sentence));
}

#[test]
fn a_check_of_a_real_server() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let port = free.port().to_string();
    let mut server = Command::new(env!("CARGO_BIN_EXE_hullo"))
        .env_clear()
        .env("PORT", &port)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while TcpStream::connect(free).is_err() {
        let is_running = server.try_wait().unwrap().is_none();
        assert!(is_running && start.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(5));
    }
    check(
        &["check"],
        &[("PORT", &port)],
        (0, &format!("http://{free}/: 200\n"), ""),
    );
    server.kill().unwrap();
    server.wait().unwrap();
}
