//! Does a server do the work? Each probe has a connection of its own.
//!
//! A server can be made faster by leaving things out. Each probe checks one thing that servers leave out
//! for speed, or get wrong, independently of the others: a server that ignores the path still passes
//! `connection_close` if it closes.
//!
//! `ask`, `content` and `pressure` have the probes; `peer` is the client's side of a connection, which trusts nothing that a server
//! sends. Over TLS they ask the same, except for what has no meaning there.

mod ask;
mod beside;
mod content;
pub(super) mod peer;
mod plain;
mod pressure;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub(super) use self::beside::beside;
use self::peer::{Miss, Peer};
pub(super) use self::plain::{Plain, Request, plain, random_path, status};
use super::connection::Endpoint;
use super::record::Finding;

/// How long a probe waits for an answer, or for the end of a connection. [`Miss`] prints it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a slow probe waits: the longest default of a well-known server is 60 s.
const SLOW_PATIENCE: Duration = Duration::from_secs(65);

/// Probes a running server. `path` is the path of the load. Probes that need other paths replace only its
/// last two segments, since the application may be mounted below the others. Returns one finding for each
/// probe that is for such a server, always in the same order.
pub(super) fn probe(endpoint: &Endpoint, host: &str, path: &str) -> Vec<Finding> {
    let asker = Asker {
        endpoint,
        host,
        path,
        patience: PATIENCE,
    };
    asker.findings()
}

/// Probes what takes up to a minute, unless `stop` is set by then.
pub(super) fn probe_slowly(
    endpoint: &Endpoint,
    host: &str,
    path: &str,
    stop: &AtomicBool,
) -> Option<Finding> {
    let asker = Asker {
        endpoint,
        host,
        path,
        patience: SLOW_PATIENCE,
    };
    let finding = |(right, saw)| SLOW_HEAD.found(right, saw);
    let verdict = pressure::slow_head(&asker, stop);
    let found = verdict.unwrap_or_else(|miss| Some((false, miss.to_string())));
    found.map(finding)
}

/// Whether a server was probed slowly.
pub(super) fn has_slow(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.id == SLOW_HEAD.id)
}

/// Which server to ask, and for what.
struct Asker<'a> {
    endpoint: &'a Endpoint,
    host: &'a str,
    path: &'a str,
    patience: Duration,
}

/// Whether it did right, and what it did; or why there was no answer to judge.
type Verdict = Result<(bool, String), Miss>;

/// What a probe asks.
struct About {
    id: &'static str,
    /// The head of its column.
    title: &'static str,
    /// What is right.
    legend: &'static str,
}

impl About {
    fn found(&self, right: bool, saw: String) -> Finding {
        Finding {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            right,
            saw,
        }
    }
}

/// Which servers a probe is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    All,
    /// Over TLS it has no meaning.
    Plain,
    Tls,
}

/// A question to a server.
struct Probe {
    about: About,
    of: Of,
    ask: fn(&Asker<'_>) -> Verdict,
}

static PROBES: [Probe; 18] = [
    Probe {
        about: About {
            id: "path",
            title: "random path",
            legend: "greets a path that it cannot have prepared for, with status 200 and the path as it stands",
        },
        of: Of::All,
        ask: ask::random_path,
    },
    Probe {
        about: About {
            id: "connection_close",
            title: "Connection: close",
            legend: "closes the connection if the request says close (RFC 9112 section 9.6)",
        },
        of: Of::All,
        ask: ask::connection_close,
    },
    Probe {
        about: About {
            id: "http_1_0",
            title: "HTTP/1.0",
            legend: "answers HTTP/1.0 without chunks, and closes (RFC 9112 sections 6.1 and 9.3)",
        },
        of: Of::All,
        ask: ask::http_1_0,
    },
    Probe {
        about: About {
            id: "head",
            title: "HEAD",
            legend: "answers HEAD, without content (RFC 9110 sections 9.1 and 9.3.2)",
        },
        of: Of::All,
        ask: ask::head,
    },
    Probe {
        about: About {
            id: "pipelining",
            title: "16 pipelined",
            legend: "answers 16 requests in one write, in order (RFC 9112 section 9.3.2)",
        },
        of: Of::All,
        ask: ask::pipelining,
    },
    Probe {
        about: About {
            id: "two_segments",
            title: "in two segments",
            legend: "answers a request that arrives in two halves as it does a whole one: TCP is a stream",
        },
        of: Of::All,
        ask: ask::two_segments,
    },
    Probe {
        about: About {
            id: "content",
            title: "300 kB content",
            legend: "reads 300 kB of content to its end, or refuses it so that the client gets the answer (RFC 9112 sections 6.3 and 9.6)",
        },
        of: Of::All,
        ask: content::content,
    },
    Probe {
        about: About {
            id: "chunked_content",
            title: "chunked content",
            legend: "reads content in chunks to its end, with an extension and a trailer (RFC 9112 section 7.1)",
        },
        of: Of::All,
        ask: content::chunked_content,
    },
    Probe {
        about: About {
            id: "expect_continue",
            title: "Expect: 100-continue",
            legend: "sends 100 Continue, or its answer, to a client that waits for it before it sends content (RFC 9110 section 10.1.1)",
        },
        of: Of::All,
        ask: content::expect_continue,
    },
    Probe {
        about: About {
            id: "interim_in_1_0",
            title: "1xx in HTTP/1.0",
            legend: "sends no 1xx to an HTTP/1.0 client, which would take it for the answer (RFC 9110 section 15.2)",
        },
        of: Of::All,
        ask: content::interim_in_1_0,
    },
    Probe {
        about: About {
            id: "missing_host",
            title: "no Host",
            legend: "answers a request without Host with 400 (RFC 9112 section 3.2)",
        },
        of: Of::All,
        ask: ask::missing_host,
    },
    Probe {
        about: About {
            id: "length_and_chunked",
            title: "two lengths",
            legend: "refuses a request with Content-Length and chunks, or reads it by its chunks, and closes (RFC 9112 section 6.1)",
        },
        of: Of::All,
        ask: content::length_and_chunked,
    },
    Probe {
        about: About {
            id: "large_head",
            title: "70 kB head",
            legend: "accepts a head of 70 kB, or refuses it with a 4xx status that the client gets (RFC 9110 section 5.4)",
        },
        of: Of::All,
        ask: pressure::large_head,
    },
    Probe {
        about: About {
            id: "half_closed",
            title: "half-closed",
            legend: "answers a client that has closed its sending side (RFC 9112 section 9.6)",
        },
        of: Of::Plain,
        ask: ask::half_closed,
    },
    Probe {
        about: About {
            id: "slow_reader",
            title: "slow reader",
            legend: "sends 600 answers whole to a client that does not read them for 200 ms",
        },
        of: Of::All,
        ask: pressure::slow_reader,
    },
    Probe {
        about: About {
            id: "flood",
            title: "beside a flood",
            legend: "answers a client within a second while another sends requests as fast as it can",
        },
        of: Of::All,
        ask: pressure::flood,
    },
    Probe {
        about: About {
            id: "date",
            title: "Date",
            legend: "sends one Date, right to 5 s, as an IMF-fixdate (RFC 9110 section 6.6.1)",
        },
        of: Of::All,
        ask: ask::date,
    },
    Probe {
        about: About {
            id: "close_notify",
            title: "close_notify",
            legend: "over TLS, says that its data has ended before it closes the connection (RFC 9112 section 9.8)",
        },
        of: Of::Tls,
        ask: ask::close_notify,
    },
];

/// A probe that takes long.
static SLOW_HEAD: About = About {
    id: "slow_head",
    title: "endless head",
    legend: "ends a connection within 65 s on which a head arrives a line a second and never ends",
};

/// What the probe with this id asks, and what is right.
pub(super) fn legend(id: &str) -> Option<&'static str> {
    let mut all = PROBES.iter().map(|probe| &probe.about).chain([&SLOW_HEAD]);
    all.find(|about| about.id == id).map(|about| about.legend)
}

/// What is asked in plain HTTP only, with the reason.
pub(super) fn plain_only() -> String {
    let plain = PROBES.iter().filter(|probe| probe.of == Of::Plain);
    let titles: Vec<&str> = plain.map(|probe| probe.about.title).collect();
    // RFC 5246 section 7.2.1 and RFC 8446 section 6.1.
    format!(
        "Not asked over TLS: {}. With TLS 1.2, a server ends the connection when its client has ended its data; with TLS 1.3, it may go on.",
        titles.join(", ")
    )
}

impl Asker<'_> {
    /// One after the other: a server may have only one thread.
    fn findings(&self) -> Vec<Finding> {
        let asked = PROBES.iter().filter(|probe| self.asks(probe.of));
        asked.map(|probe| self.finding(probe)).collect()
    }

    fn asks(&self, of: Of) -> bool {
        match of {
            Of::All => true,
            Of::Plain => self.endpoint.tls.is_none(),
            Of::Tls => self.endpoint.tls.is_some(),
        }
    }

    fn finding(&self, probe: &Probe) -> Finding {
        let (right, saw) = (probe.ask)(self).unwrap_or_else(|miss| (false, miss.to_string()));
        probe.about.found(right, saw)
    }

    fn connect(&self) -> Result<Peer, Miss> {
        Peer::connect(self.endpoint, self.patience)
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
#[cfg(all(test, feature = "tls"))]
mod front;
#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "tls"))]
mod tls_tests;
