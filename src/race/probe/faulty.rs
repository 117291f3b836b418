//! A small server that answers every probe right, except for one fault that it is given.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Nothing,
    SaysNothingOfThePath,
    GreetsOnePath,
    NotFound,
    StaysOpen,
    StaysOpenInOld,
    ChunksInOld,
    Refuses(&'static str, u16),
    HeadContent,
    HeadContentLate,
    OneOfAPipeline,
    InPairs,
    ReadIsRequest,
    LineIsRequest,
    DropsHalves,
    ContentIsRequests,
    ResetsInContent,
    AnswersAndResets,
    AnswersAndLeaves,
    AnswersAndCloses,
    AnswersAndSaysSo,
    ChunksAreRequests,
    WantsALength,
    NoContinue,
    AnswersAtOnce(u16),
    ContinuesInOld,
    LargeHead(&'static str),
    ResetsLargeHeads,
    LosesWhatIsNotTaken,
    OneClientAtATime,
    WaitsForHeads(Option<Duration>, u16),
    NeedsNoHost,
    ByLength,
    ByChunksAndOpen,
    ByChunks,
    RefusesAndOpen,
    LeavesTheHalfClosed,
    Dates(&'static str),
    SecondsOff(i64),
}

/// Of the one server that serves one client at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Starts it on a free port. It ends with the tests.
pub(super) fn serve(wrong: Wrong) -> SocketAddr {
    listen(move |stream| {
        let mut peer = Served {
            stream,
            wrong,
            unread: Vec::new(),
            requests: 0,
            is_gone: false,
        };
        let alone = (wrong == Wrong::OneClientAtATime).then(|| ALONE.lock());
        peer.talk();
        drop(alone);
    })
}

/// Does the same to every client.
pub(super) fn listen(handle: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_nodelay(true).unwrap();
            let wait = Some(Duration::from_secs(5));
            stream.set_read_timeout(wait).unwrap();
            let handle = handle.clone();
            thread::spawn(move || handle(stream));
        }
    });
    address
}

/// Ends the connection with a reset.
pub(super) fn reset(stream: &TcpStream) {
    socket2::SockRef::from(stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

struct Served {
    stream: TcpStream,
    wrong: Wrong,
    unread: Vec<u8>,
    requests: usize,
    is_gone: bool,
}

struct Request {
    head: String,
    path: String,
}

impl Request {
    fn is(&self, method: &str) -> bool {
        self.head.starts_with(method)
    }

    fn has(&self, field: &str) -> bool {
        self.head.contains(field)
    }
}

/// Whether the connection goes on.
#[derive(PartialEq)]
enum Then {
    Next,
    Close,
    Gone,
}

impl Served {
    fn talk(&mut self) {
        while let Some(request) = self.request() {
            if self.wrong == Wrong::InPairs && request.is("GET") && !self.unread.is_empty() {
                let second = self.request().unwrap();
                self.serve(&second);
            }
            self.requests += 1;
            match self.serve(&request) {
                Then::Next => {}
                Then::Close => break,
                Then::Gone => return,
            }
            if self.wrong == Wrong::OneOfAPipeline {
                self.unread.clear();
            }
        }
        if self.is_gone {
            return;
        }
        // In stages, as RFC 9112 section 9.6 says.
        let _ = self.stream.shutdown(Shutdown::Write);
        while matches!(self.stream.read(&mut [0; 16384]), Ok(1..)) {}
    }

    fn request(&mut self) -> Option<Request> {
        let start = Instant::now();
        loop {
            if let Wrong::WaitsForHeads(Some(limit), status) = self.wrong
                && start.elapsed() > limit
            {
                if status > 0 {
                    self.send(status, "close", "late");
                }
                return None;
            }
            if self.unread.len() > 64 * 1024 {
                match self.wrong {
                    Wrong::LargeHead(answer) => {
                        self.write(answer);
                        return None;
                    }
                    Wrong::ResetsLargeHeads => {
                        self.send(431, "close", "large");
                        // It has to arrive before the reset.
                        thread::sleep(Duration::from_millis(50));
                        reset(&self.stream);
                        self.is_gone = true;
                        return None;
                    }
                    _ => {}
                }
            }
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).collect();
                let head = String::from_utf8(head).unwrap();
                let path = head.split(' ').nth(1).unwrap_or("?").to_owned();
                return Some(Request { head, path });
            }
            let has_line = find(&self.unread, b"\r\n").is_some();
            let is_half = self.requests == 0 && self.unread.len() < 100;
            match self.wrong {
                _ if !is_half => {}
                Wrong::ReadIsRequest if !self.unread.is_empty() => self.send(400, "close", "?"),
                Wrong::LineIsRequest if has_line => self.send(200, "close", "?"),
                Wrong::DropsHalves => self.unread.clear(),
                _ => {}
            }
            if self.read() == 0 {
                return None;
            }
        }
    }

    fn serve(&mut self, request: &Request) -> Then {
        if self.wrong == Wrong::LeavesTheHalfClosed
            && self.unread.is_empty()
            && self.is_half_closed()
        {
            return Then::Close;
        }
        if !request.has("Host:") && self.wrong != Wrong::NeedsNoHost {
            self.send(400, "close", "no Host");
            return Then::Close;
        }
        if request.is("POST") {
            return self.post(request);
        }
        if let Wrong::Refuses(what, status) = self.wrong
            && request.has(what)
        {
            self.send(status, "close", "no");
            return Then::Close;
        }
        if request.is("HEAD") {
            return self.head();
        }
        if self.wrong == Wrong::ChunksInOld && request.has("HTTP/1.0") {
            self.write(
                "HTTP/1.1 200 OK\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            );
            return Then::Close;
        }
        let says_close = request.has("Connection: close") && self.wrong != Wrong::StaysOpen;
        let is_old = request.has("HTTP/1.0") && self.wrong != Wrong::StaysOpenInOld;
        self.greet(&request.path);
        if says_close || is_old {
            Then::Close
        } else {
            Then::Next
        }
    }

    fn greet(&mut self, path: &str) {
        let greeting = format!("Hello, visitor! You've requested: {path}");
        match self.wrong {
            Wrong::SaysNothingOfThePath => self.send(200, "x", "It works!"),
            Wrong::GreetsOnePath => self.send(200, "x", "Hello, visitor! You've requested: /a/b"),
            Wrong::NotFound => self.send(404, "x", &greeting),
            _ => self.send(200, "x", &greeting),
        }
    }

    fn head(&mut self) -> Then {
        let content = "Hello";
        self.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        match self.wrong {
            Wrong::HeadContent => self.write(content),
            Wrong::HeadContentLate => {
                thread::sleep(Duration::from_millis(400));
                self.write(content);
            }
            _ => {}
        }
        Then::Next
    }

    fn post(&mut self, request: &Request) -> Then {
        let is_chunked = request.has("chunked");
        let is_both = is_chunked && request.has("Content-Length");
        if request.has("Expect:") && self.expected(request) == Then::Close {
            return Then::Close;
        }
        if request.has("Content-Length: 300000")
            && let Some(then) = self.leave_content()
        {
            return then;
        }
        match self.wrong {
            Wrong::ByLength | Wrong::ByChunks | Wrong::ByChunksAndOpen if is_both => {
                return self.two_lengths();
            }
            _ if is_both => {
                self.send(400, "close", "two lengths");
                if self.wrong == Wrong::RefusesAndOpen {
                    self.unread.clear();
                    return Then::Next;
                }
                return Then::Close;
            }
            Wrong::ContentIsRequests if !is_chunked => {}
            Wrong::ChunksAreRequests if is_chunked => {}
            Wrong::WantsALength if is_chunked => {
                self.send(411, "close", "no length");
                return Then::Close;
            }
            _ if is_chunked => self.take_chunks(),
            _ => {
                let (_, length) = request.head.split_once("Content-Length: ").unwrap();
                self.take(length.lines().next().unwrap().parse().unwrap());
            }
        }
        match self.wrong {
            Wrong::Refuses("POST", status) => self.send(status, "x", "no"),
            _ => self.greet(&request.path),
        }
        if request.has("HTTP/1.0") {
            Then::Close
        } else {
            Then::Next
        }
    }

    /// Ends the connection without having read the content, if that is its fault.
    fn leave_content(&mut self) -> Option<Then> {
        match self.wrong {
            Wrong::ResetsInContent | Wrong::AnswersAndResets => {
                self.take(64 * 1024);
                if self.wrong == Wrong::AnswersAndResets {
                    self.send(413, "close", "too much");
                    // It has to arrive before the reset.
                    thread::sleep(Duration::from_millis(50));
                }
                reset(&self.stream);
                Some(Then::Gone)
            }
            Wrong::AnswersAndLeaves => {
                self.send(413, "close", "too much");
                let _ = self.stream.shutdown(Shutdown::Write);
                thread::sleep(Duration::from_millis(20));
                Some(Then::Gone)
            }
            Wrong::AnswersAndCloses => {
                self.send(200, "x", "enough");
                Some(Then::Close)
            }
            Wrong::AnswersAndSaysSo => {
                self.send(413, "close", "too much");
                Some(Then::Close)
            }
            _ => None,
        }
    }

    /// Before the content is sent.
    fn expected(&mut self, request: &Request) -> Then {
        match self.wrong {
            Wrong::AnswersAtOnce(status) => {
                self.send(status, "close", "no");
                return Then::Close;
            }
            Wrong::NoContinue => {}
            Wrong::ContinuesInOld => self.write("HTTP/1.1 100 Continue\r\n\r\n"),
            _ if request.has("HTTP/1.0") => {}
            _ => self.write("HTTP/1.1 100 Continue\r\n\r\n"),
        }
        Then::Next
    }

    /// Up to the trailer, whose end the probe sends with it.
    fn take_chunks(&mut self) {
        let end = b"\r\n0\r\nX-Trailer: a\r\n\r\n";
        loop {
            if let Some(place) = find(&self.unread, end) {
                self.unread.drain(..place + end.len());
                return;
            }
            if self.read() == 0 {
                return;
            }
        }
    }

    fn two_lengths(&mut self) -> Then {
        let size = find(&self.unread, b"\r\n").unwrap() + 2;
        let text = std::str::from_utf8(&self.unread[..size - 2]).unwrap();
        let chunk = usize::from_str_radix(text, 16).unwrap();
        let is_by_length = self.wrong == Wrong::ByLength;
        self.take(if is_by_length {
            size
        } else {
            size + chunk + "\r\n0\r\n\r\n".len()
        });
        self.greet("/two/lengths");
        if self.wrong == Wrong::ByChunks {
            Then::Close
        } else {
            Then::Next
        }
    }

    fn is_half_closed(&mut self) -> bool {
        let stream = &mut self.stream;
        let wait = Some(Duration::from_millis(30));
        stream.set_read_timeout(wait).unwrap();
        let ended = matches!(stream.peek(&mut [0]), Ok(0));
        let wait = Some(Duration::from_secs(5));
        stream.set_read_timeout(wait).unwrap();
        ended
    }

    /// Reads this much and discards it.
    fn take(&mut self, count: usize) {
        while self.unread.len() < count && self.read() > 0 {}
        self.unread.drain(..count.min(self.unread.len()));
    }

    fn read(&mut self) -> usize {
        let mut block = [0; 16384];
        let count = self.stream.read(&mut block).unwrap_or(0);
        self.unread.extend_from_slice(&block[..count]);
        count
    }

    fn send(&mut self, status: u16, connection: &str, content: &str) {
        let date = self.dates();
        let length = content.len();
        self.write(&format!(
            "HTTP/1.1 {status} x\r\n{date}Connection: {connection}\r\nContent-Length: {length}\r\n\r\n\
             {content}"
        ));
    }

    fn dates(&self) -> String {
        let now = SystemTime::now();
        let date = match self.wrong {
            Wrong::Dates(fields) => return fields.to_owned(),
            Wrong::SecondsOff(off @ ..0) => now - Duration::from_secs(off.unsigned_abs()),
            Wrong::SecondsOff(off) => now + Duration::from_secs(off.unsigned_abs()),
            _ => now,
        };
        format!("Date: {}\r\n", httpdate::fmt_http_date(date))
    }

    fn write(&mut self, text: &str) {
        if self.wrong == Wrong::LosesWhatIsNotTaken {
            self.stream.set_nonblocking(true).unwrap();
            let _ = self.stream.write(text.as_bytes());
            self.stream.set_nonblocking(false).unwrap();
            return;
        }
        // The peer may have closed already.
        let _ = self.stream.write_all(text.as_bytes());
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}
