//! A `hullo --test-endpoints` on a port of the kernel's choosing, and a client that reads all that comes.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes as long as this.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Server {
    process: Child,
    address: String,
    /// What the server has printed.
    pub(crate) line: String,
}

/// What a connection came to.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Empty without a response.
    pub(crate) head: String,
    pub(crate) content: Vec<u8>,
    pub(crate) is_reset: bool,
    pub(crate) elapsed: Duration,
    /// When each read returned, and how much it was.
    pub(crate) reads: Vec<(Duration, usize)>,
}

pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hullo"));
    command.env_clear().args(["--port", "0"]).args(flags);
    command
}

impl Server {
    /// With one worker and a seed, if the flags do not say otherwise.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut command = command(&["--workers", "1"]);
        command.env("HULLO_TEST_ENDPOINTS", "1");
        if !flags.contains(&"--seed") {
            command.args(["--seed", "1"]);
        }
        let mut process = command.args(flags).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap();
        let address = address.split_whitespace().next().unwrap().to_owned();
        Self {
            process,
            address,
            line,
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends a request, and reads until the connection ends.
    pub(crate) fn exchange(&self, request: &[u8]) -> Reply {
        self.exchange_and(request, |_| {})
    }

    /// The same, with something to do after the request.
    pub(crate) fn exchange_and(&self, request: &[u8], then: impl FnOnce(&TcpStream)) -> Reply {
        let mut stream = self.connect();
        let start = Instant::now();
        stream.write_all(request).unwrap();
        then(&stream);
        let (mut bytes, mut reads, mut is_reset) = (Vec::new(), Vec::new(), false);
        let mut block = vec![0; 65536];
        loop {
            match stream.read(&mut block) {
                Ok(0) => break,
                Ok(read) => {
                    reads.push((start.elapsed(), read));
                    bytes.extend_from_slice(&block[..read]);
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    is_reset = true;
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let content = end.map_or(Vec::new(), |end| bytes.split_off(end + 4));
        Reply {
            head: String::from_utf8(bytes).unwrap(),
            content,
            is_reset,
            elapsed: start.elapsed(),
            reads,
        }
    }

    /// Gets a target on a connection of its own.
    pub(crate) fn get(&self, target: &str) -> Reply {
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        self.exchange(request.as_bytes())
    }

    /// Sends content to a target.
    pub(crate) fn post(&self, target: &str, fields: &str, content: &[u8]) -> Reply {
        let length = content.len();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}Content-Length: {length}\r\n\r\n"
        );
        self.exchange(&[head.as_bytes(), content].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }

    /// The lengths of the chunks, and the content without its coding. The last length is 0 if the content
    /// is whole.
    pub(crate) fn chunks(&self) -> (Vec<usize>, Vec<u8>) {
        let (mut lengths, mut content) = (Vec::new(), Vec::new());
        let mut rest = &self.content[..];
        while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
            let length = std::str::from_utf8(&rest[..end]).unwrap();
            let length = usize::from_str_radix(length, 16).unwrap();
            lengths.push(length);
            content.extend_from_slice(&rest[end + 2..end + 2 + length]);
            rest = &rest[end + 4 + length..];
        }
        (lengths, content)
    }
}
