//! Does a server do the work? Eleven probes, each on a connection of its own.
//!
//! A server can be made faster by leaving things out. Each probe checks one thing that servers leave out
//! for speed, independently of the others: a server that ignores the path still passes
//! `connection_close` if it closes.
//!
//! `ask` has the probes; `peer` is the client's side of a connection, which trusts nothing that a server
//! sends.

mod ask;
pub(super) mod peer;
mod plain;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use self::peer::{Miss, Peer};
pub(super) use self::plain::{Plain, plain, random_path, status};
use super::record::Finding;

/// How long a probe waits for an answer, or for the end of a connection. [`Miss`] prints it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Probes a running server. `path` is the path of the load. Probes that need other paths replace only its
/// last two segments, since the application may be mounted below the others. Returns one finding for each
/// probe, always in the same order.
pub(super) fn probe(address: SocketAddr, host: &str, path: &str) -> Vec<Finding> {
    let asker = Asker {
        address,
        host,
        path,
        patience: PATIENCE,
    };
    asker.findings()
}

/// Which server to ask, and for what.
struct Asker<'a> {
    address: SocketAddr,
    host: &'a str,
    path: &'a str,
    patience: Duration,
}

/// Whether it did right, and what it did; or why there was no answer to judge.
type Verdict = Result<(bool, String), Miss>;

/// The id of a probe, the head of its column, and the probe.
type Probe = (&'static str, &'static str, fn(&Asker<'_>) -> Verdict);

const PROBES: [Probe; 11] = [
    ("path", "random path", ask::random_path),
    (
        "connection_close",
        "Connection: close",
        ask::connection_close,
    ),
    ("http_1_0", "HTTP/1.0", ask::http_1_0),
    ("head", "HEAD", ask::head),
    ("pipelining", "16 pipelined", ask::pipelining),
    ("two_segments", "in two segments", ask::two_segments),
    ("content", "300 kB content", ask::content),
    ("missing_host", "no Host", ask::missing_host),
    ("length_and_chunked", "two lengths", ask::length_and_chunked),
    ("half_closed", "half-closed", ask::half_closed),
    ("date", "Date", ask::date),
];

impl Asker<'_> {
    /// One after the other: a server may have only one thread.
    fn findings(&self) -> Vec<Finding> {
        let finding = |(id, title, ask): Probe| {
            let (right, saw) = ask(self).unwrap_or_else(|miss| (false, miss.to_string()));
            Finding {
                id: id.to_owned(),
                title: title.to_owned(),
                right,
                saw,
            }
        };
        PROBES.into_iter().map(finding).collect()
    }

    fn connect(&self) -> Result<Peer, Miss> {
        Peer::connect(self.address, self.patience)
    }

    /// A request without content. Each of `fields` ends with its CR LF.
    fn get(&self, path: &str, fields: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", self.host)
    }

    /// A path that is new to every server: two random segments instead of the last two, or below a path
    /// that ends with a slash.
    fn random_path(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let place = match path.strip_suffix('/') {
            Some(place) => place,
            None => path.rsplitn(3, '/').nth(2).unwrap_or_default(),
        };
        format!("{place}/{}/{}", letters(5), letters(5))
    }
}

/// This many random letters and digits.
fn letters(count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    // Its keys are random, which is random enough here, without another crate.
    let chance = RandomState::new().build_hasher().finish();
    let letter = |place: usize| ALPHABET.get((chance >> (5 * place)) as usize % ALPHABET.len());
    (0..count.min(12))
        .filter_map(letter)
        .copied()
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod faulty;
#[cfg(test)]
mod tests;
