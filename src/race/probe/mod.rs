//! What a server does besides being fast: eleven questions, each on a connection of its own.
//!
//! A server can be made faster by leaving things out. Each probe asks for one thing that is left out
//! that way, and judges it alone: a server that knows no path but closes when it is told to does the
//! latter right.
//!
//! What is asked stands in `ask`; the client's side of a connection, which believes nothing that a
//! server sends, in `peer`.

mod ask;
pub(super) mod peer;
mod plain;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use self::peer::{Miss, Peer};
pub(super) use self::plain::{Plain, plain, random_path};
use super::record::Finding;

/// An answer, and the end of a connection, have to come so soon. [`Miss`] says it in words.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks a running server what it does besides being fast. `path` is the target that it will be raced
/// with; probes that need other ones keep all but its last two segments, as those in front may be
/// where the server lives. One finding for each probe, always in the same order.
pub(super) fn probe(address: SocketAddr, host: &str, path: &str) -> Vec<Finding> {
    let asker = Asker {
        address,
        host,
        path,
        patience: PATIENCE,
    };
    asker.findings()
}

/// Whom to ask, and for what.
struct Asker<'a> {
    address: SocketAddr,
    host: &'a str,
    path: &'a str,
    patience: Duration,
}

/// Did it do right, and what did it do? Or there was no answer to judge.
type Verdict = Result<(bool, String), Miss>;

/// The name of a probe, the head of its column, and how to ask.
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
    /// One after the other: a server may well have only one thread to answer with.
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

    /// A path that no server has heard of: two random segments in the place of the last two, or
    /// below a path that ends with a slash.
    fn random_path(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let place = match path.strip_suffix('/') {
            Some(place) => place,
            None => path.rsplitn(3, '/').nth(2).unwrap_or_default(),
        };
        format!("{place}/{}/{}", letters(5), letters(5))
    }
}

/// So many letters and digits, other ones each time.
fn letters(count: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    // Its keys are random: that is all the chance that is needed here, and no crate.
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
