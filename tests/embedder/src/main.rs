#![forbid(unsafe_code)]
//! Embeds hullo with everything that its documentation promises, and asks itself over real sockets.
//! Exit code 0: each answer is as expected.

mod site;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hullo::http::Limits;
use hullo::server::{ConnectionEvent, Options, Server, Stats, Timeouts};

use site::{DOWNLOAD_BYTES, ECHO_BYTES_MAX, Shared};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Sends a request, and returns all that comes until the server closes the connection.
fn ask(address: SocketAddr, head: &str, content: &str) -> Outcome<String> {
    let mut peer = TcpStream::connect(address)?;
    peer.set_read_timeout(Some(Duration::from_secs(20)))?;
    let request = format!("{head}\r\nHost: a\r\nConnection: close\r\n\r\n{content}");
    peer.write_all(request.as_bytes())?;
    let mut answer = String::new();
    peer.read_to_string(&mut answer)?;
    Ok(answer)
}

fn check(name: &str, answer: &str, expected: &[&str]) -> Outcome<()> {
    for part in expected {
        if !answer.contains(part) {
            return Err(format!("FAIL  {name}: no {part:?} in {answer:?}").into());
        }
    }
    println!("ok    {name}");
    Ok(())
}

/// The value of a field of a response.
fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn public(address: SocketAddr) -> Outcome<()> {
    let get = |path: &str| ask(address, &format!("GET {path} HTTP/1.1"), "");
    check(
        "redirect",
        &get("/")?,
        &["HTTP/1.1 303 ", "\r\nLocation: /page\r\n"],
    )?;
    let cookie = "\r\nSet-Cookie: name=Ada; HttpOnly\r\n";
    check(
        "cookie",
        &get("/log-in?name=Ada")?,
        &["HTTP/1.1 204 ", cookie],
    )?;
    check(
        "bad cookie",
        &get("/log-in?name=%0d%0aX:y")?,
        &["HTTP/1.1 400 "],
    )?;

    get("/page")?;
    // Each visit changes the page, so its entity-tag is the next one's.
    let second = get("/page")?;
    check("dynamic ETag", &second, &["HTTP/1.1 200 ", "1 visits"])?;
    let etag = field(&second, "ETag").ok_or("no ETag")?;
    let request = |condition: &str| format!("GET /page HTTP/1.1\r\n{condition}: {etag}");
    check(
        "412",
        &ask(address, &request("If-Match"), "")?,
        &["HTTP/1.1 412 "],
    )?;
    let other = ask(address, &request("If-None-Match"), "")?;
    check("200 to an old ETag", &other, &["HTTP/1.1 200 ", "2 visits"])?;
    let current = "GET /page HTTP/1.1\r\nIf-None-Match: *";
    check(
        "304",
        &ask(address, current, "")?,
        &["HTTP/1.1 304 ", "\r\nETag: "],
    )?;

    let chunked = |path| format!("POST {path} HTTP/1.1\r\nTransfer-Encoding: chunked");
    let content = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    check(
        "echo",
        &ask(address, &chunked("/echo"), content)?,
        &["\r\n\r\nabcde"],
    )?;
    check(
        "count",
        &ask(address, &chunked("/count"), content)?,
        &["\r\n\r\n5"],
    )?;
    check(
        "refuse",
        &ask(address, &chunked("/page"), "")?,
        &["HTTP/1.1 405 ", "\r\nAllow: "],
    )?;
    let long = format!(
        "POST /echo HTTP/1.1\r\nContent-Length: {}",
        ECHO_BYTES_MAX + 1
    );
    check("413", &ask(address, &long, "")?, &["HTTP/1.1 413 "])?;

    let download = get("/download")?;
    check(
        "download",
        &download,
        &[&format!("\r\nContent-Length: {DOWNLOAD_BYTES}\r\n")],
    )?;
    let content = download.split("\r\n\r\n").nth(1).unwrap_or_default();
    if content.len() as u64 != DOWNLOAD_BYTES {
        return Err(format!("FAIL  download: {} bytes", content.len()).into());
    }
    let head = ask(address, "HEAD /download HTTP/1.1", "")?;
    check(
        "HEAD",
        &head,
        &[&format!("\r\nContent-Length: {DOWNLOAD_BYTES}\r\n")],
    )?;

    let start = Instant::now();
    check("delay", &get("/delayed")?, &["At last."])?;
    if start.elapsed() < Duration::from_millis(100) {
        return Err("FAIL  delay: too early".into());
    }
    check("panic", &get("/panic")?, &["HTTP/1.1 500 "])?;
    check("after a panic", &get("/lost")?, &["HTTP/1.1 404 "])
}

fn main() -> Outcome<()> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = Options::default()
        .address(loopback)
        .workers(NonZeroUsize::MIN.saturating_add(1))
        .limits(Limits::default().body_bytes(10 << 20))
        .timeouts(Timeouts::default().idle(Duration::from_secs(20)));
    let (opened, closed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (on_open, on_close) = (Arc::clone(&opened), Arc::clone(&closed));
    let shared = Shared::default();
    let server = Server::bind(options)?
        .listen(loopback)?
        .on_connection(move |event| {
            match event {
                ConnectionEvent::Opened { .. } => on_open.fetch_add(1, Ordering::Relaxed),
                ConnectionEvent::Closed { .. } => on_close.fetch_add(1, Ordering::Relaxed),
                _ => 0,
            };
        })
        .on_notice(|notice| println!("      {notice}"))
        .start_with(|place| site::at(place, &shared))?;
    let _ = shared.stats.set(server.stats_handle());
    let address = server.local_addr();
    let &[_, Some(admin_address)] = server.local_addrs() else {
        return Err(format!("FAIL  {:?}", server.local_addrs()).into());
    };

    public(address)?;
    let json = ask(admin_address, "GET /any HTTP/1.1", "")?;
    let fields = "\r\nContent-Type: application/json\r\n";
    check(
        "JSON of the other listener",
        &json,
        &[fields, "\"visits\":3,\"sent\":\"\"}"],
    )?;
    let posted = "POST / HTTP/1.1\r\nContent-Length: 2";
    let json = ask(admin_address, posted, "hi")?;
    check("its content", &json, &["\"sent\":\"hi\"}"])?;

    // A drain that begins before a response.
    let before = opened.load(Ordering::Relaxed);
    let last = thread::spawn(move || {
        ask(address, "GET /delayed HTTP/1.1", "").map_err(|error| error.to_string())
    });
    while opened.load(Ordering::Relaxed) == before && !last.is_finished() {
        thread::sleep(Duration::from_millis(1));
    }
    let stats = server.stats_handle();
    let cut = server.drain(Duration::ZERO, Duration::from_secs(10))?;
    let last = last.join().map_err(|_| "the last client has panicked")??;
    check("drain", &last, &["At last."])?;
    let sum: Stats = stats.read().into_iter().sum();
    println!(
        "      {} accepted, {} responses",
        sum.accepted,
        sum.responses()
    );
    let events = (
        opened.load(Ordering::Relaxed),
        closed.load(Ordering::Relaxed),
    );
    let counted = (sum.accepted, sum.closed());
    if (cut, sum.closed_panicked) != (0, 1) || events != counted || counted.0 != counted.1 {
        return Err(format!("FAIL  stats: {cut} cut, {events:?}, {sum:?}").into());
    }
    println!("ok    stats and hook");
    Ok(())
}
