//! The answer to a plain request, with which the answers under load are compared.

use std::collections::BTreeSet;

use super::peer::{Answer, Miss};
use super::{Asker, PATIENCE};
use crate::race::connection::Endpoint;
use crate::race::workload::Workload;

/// Longer content is not compared byte by byte, since it has to fit into a command line.
const CONTENT_BYTES_MAX: usize = 64 * 1024;

/// By how much the mean size of the answers may differ from that of those that were looked at: a server may
/// say in its last answer that it closes.
const BYTES_OFF_MAX: f64 = 4.0;
/// The same as a share, of answers that vary, or come in chunks.
const SHARE_OFF_MAX: f64 = 0.25;

/// How often each request is sent, so that answers that vary are not taken for those of a cheat.
const TIMES: usize = 2;
/// The same before a server is accused: a cheat gives the same answer each time.
const TIMES_SURE: usize = 6;

/// The load's request, and a server to send it to.
#[derive(Clone, Copy, Debug)]
pub(in crate::race) struct Request<'a> {
    pub(in crate::race) endpoint: &'a Endpoint,
    pub(in crate::race) host: &'a str,
    pub(in crate::race) path: &'a str,
    /// The path is random, so its answer must be that of any other random path, except for the path itself.
    pub(in crate::race) is_random: bool,
    pub(in crate::race) workload: &'a Workload,
    /// The field lines by which a server can know the generator.
    pub(in crate::race) generator: &'a str,
    pub(in crate::race) closes: bool,
}

/// An answer as expected under load.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::race) struct Plain {
    pub(in crate::race) status: u16,
    pub(in crate::race) content_bytes: usize,
    /// None if it varies, is not text, or is long.
    pub(in crate::race) content: Option<String>,
    /// Whether two answers to the same request differed, or those to two random paths.
    pub(in crate::race) varies: bool,
    /// The answers that were looked at.
    looks: Vec<Look>,
}

/// What is compared of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
struct Look {
    status: u16,
    /// The names of its fields.
    fields: BTreeSet<String>,
    /// With `{path}` for the path.
    content: String,
    /// With head and framing.
    bytes: usize,
    is_chunked: bool,
}

/// Sends the request of the load, and others that differ only in what a server could know the load by.
///
/// # Errors
///
/// If there is no answer, or if the server treats the load differently.
pub(in crate::race) fn plain(request: &Request<'_>) -> Result<Plain, String> {
    let (path, agent) = (request.path, request.generator);
    let others = [(); 2].map(|()| {
        if request.is_random {
            request.asker().random_path()
        } else {
            path.to_owned()
        }
    });
    let [first, second] = &others;
    let before = request.look(first, "")?.0;
    let ours = request.look(path, "")?.0;
    let (as_load, content) = request.look(path, agent)?;
    let after = request.look(second, "")?.0;
    let status = as_load.status;
    let fault = request.fault(&before, &ours, &as_load);
    let is_same = request.is_random || ours.is_like(&before);
    // One of status or content, not of the fields.
    let is_of_content = !ours.is_like(&before) || !ours.is_like(&as_load);
    let mut varies = !is_same || !before.is_like(&after);
    let mut looks = vec![before, ours, as_load, after];
    let asked = [
        (first.as_str(), ""),
        (path, ""),
        (path, agent),
        (second.as_str(), ""),
    ];
    let times = if fault.is_some() { TIMES_SURE } else { TIMES };
    for _ in 1..times {
        varies = varies || request.differs(&asked, &mut looks, is_of_content)?;
    }
    if let Some(fault) = fault.filter(|_| !varies) {
        return Err(fault);
    }
    // That of HEAD has none, which hullo bench knows.
    let is_short = content.len() <= CONTENT_BYTES_MAX && request.workload.method != "HEAD";
    Ok(Plain {
        status,
        content_bytes: content.len(),
        content: String::from_utf8(content)
            .ok()
            // hullo bench would replace {n}.
            .filter(|text| !varies && is_short && !text.contains(['{', '\0'])),
        varies,
        looks,
    })
}

/// The status of the answer to a request of the load, if there is one.
pub(in crate::race) fn status(
    endpoint: &Endpoint,
    host: &str,
    path: &str,
    workload: &Workload,
) -> Option<u16> {
    let asker = Asker {
        endpoint,
        host,
        path,
        patience: PATIENCE,
    };
    let answer = answer(&asker, path, workload, "");
    answer.ok().map(|answer| answer.status)
}

impl Request<'_> {
    fn asker(&self) -> Asker<'_> {
        Asker {
            endpoint: self.endpoint,
            host: self.host,
            path: self.path,
            patience: PATIENCE,
        }
    }

    fn look(&self, path: &str, generator: &str) -> Result<(Look, Vec<u8>), String> {
        let answer = self.answer(path, generator);
        let answer = answer.map_err(|miss| format!("does not answer a plain request: {miss}"))?;
        Ok((Look::of(&answer, path), answer.content))
    }

    /// How the load is treated differently, unless these answers differ by chance.
    fn fault(&self, before: &Look, ours: &Look, as_load: &Look) -> Option<String> {
        if !ours.is_like(before) {
            return Some("answers the path of the load differently from other paths".to_owned());
        }
        let how = ours.difference(as_load)?;
        let agent = self.generator.trim();
        Some(format!(
            "answers requests with {agent:?} differently from others: {how}"
        ))
    }

    /// Asks all again, and returns whether one of the answers differs from the first to the same request, also
    /// in their fields or not. In reverse: answers that take turns could otherwise be the same.
    fn differs(
        &self,
        asked: &[(&str, &str); 4],
        looks: &mut Vec<Look>,
        without_fields: bool,
    ) -> Result<bool, String> {
        let mut differs = false;
        for (number, (path, generator)) in asked.iter().enumerate().rev() {
            let (look, _) = self.look(path, generator)?;
            let first = looks.get(number);
            differs |= first.is_some_and(|first| {
                if without_fields {
                    !first.is_like(&look)
                } else {
                    first.difference(&look).is_some()
                }
            });
            looks.push(look);
        }
        Ok(differs)
    }

    fn answer(&self, path: &str, generator: &str) -> Result<Answer, Miss> {
        let close = if self.closes {
            "Connection: close\r\n"
        } else {
            ""
        };
        let fields = format!("{generator}{close}");
        answer(&self.asker(), path, self.workload, &fields)
    }

    /// How an answer to exactly the load's request differs from what is expected, if it does.
    pub(super) fn compare(&self, plain: &Plain) -> Result<Option<String>, Miss> {
        let answer = self.answer(self.path, self.generator)?;
        Ok(plain.difference(&Look::of(&answer, self.path)))
    }
}

fn answer(
    asker: &Asker<'_>,
    path: &str,
    workload: &Workload,
    fields: &str,
) -> Result<Answer, Miss> {
    let mut peer = asker.connect()?;
    peer.send(workload.bytes(path, asker.host, fields));
    peer.answer(workload.method == "HEAD")
}

impl Look {
    fn of(answer: &Answer, path: &str) -> Self {
        Self {
            status: answer.status,
            fields: answer.fields.iter().cloned().collect(),
            content: String::from_utf8_lossy(&answer.content).replace(path, "{path}"),
            bytes: answer.bytes,
            is_chunked: answer.chunked,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        (self.status, &self.content) == (other.status, &other.content)
    }

    /// What the other has otherwise, in a few words.
    fn difference(&self, other: &Self) -> Option<String> {
        if self.status != other.status {
            return Some(format!("status {}, not {}", other.status, self.status));
        }
        if let Some(field) = self.fields.difference(&other.fields).next() {
            return Some(format!("without {field}"));
        }
        if let Some(field) = other.fields.difference(&self.fields).next() {
            return Some(format!("with {field}"));
        }
        (self.content != other.content).then(|| {
            let [ours, theirs] = [self, other].map(|look| look.content.len());
            if ours == theirs {
                "other content".to_owned()
            } else {
                format!("content of {theirs} bytes, not {ours}")
            }
        })
    }
}

impl Plain {
    /// How an answer differs from those that were looked at. Where those vary, by what they have in common.
    fn difference(&self, look: &Look) -> Option<String> {
        if !self.varies {
            let differences: Vec<String> = self
                .looks
                .iter()
                .filter_map(|known| known.difference(look))
                .collect();
            let all = differences.len() == self.looks.len();
            return differences.into_iter().next().filter(|_| all);
        }
        let mut known = self.looks.iter();
        if known.all(|known| known.status != look.status) {
            return Some(format!("status {}, not {}", look.status, self.status));
        }
        let contents: Vec<&str> = self
            .looks
            .iter()
            .map(|look| look.content.as_str())
            .collect();
        let first = contents.first()?;
        // Of a counter, the looks may have more in common than its later values.
        let expected = common(&contents, false) + common(&contents, true);
        let one = [look.content.as_str(), first];
        let is_alike = 2 * (common(&one, false) + common(&one, true)) >= expected;
        (!is_alike).then(|| "other content".to_owned())
    }

    /// How the mean size of answers differs from that of those that were looked at. `slack`: bytes for each
    /// answer that may have come of others.
    pub(in crate::race) fn size_difference(&self, mean: f64, slack: f64) -> Option<String> {
        let sizes = self.looks.iter().map(|look| look.bytes);
        let (least, most) = (sizes.clone().min()? as f64, sizes.max()? as f64);
        let is_loose = self.varies || self.looks.iter().any(|look| look.is_chunked);
        let off = if is_loose { most * SHARE_OFF_MAX } else { 0.0 };
        let off = off + BYTES_OFF_MAX + slack;
        let is_like = (least - off..=most + off).contains(&mean);
        (!is_like).then(|| format!("{mean:.0} bytes each, with their heads, not {most:.0}"))
    }
}

/// How many characters all texts have in common at their beginning, or at their end.
fn common(texts: &[&str], is_end: bool) -> usize {
    let letters = |text: &str| -> Vec<char> {
        if is_end {
            text.chars().rev().collect()
        } else {
            text.chars().collect()
        }
    };
    let mut texts = texts.iter().map(|text| letters(text));
    let first = texts.next().unwrap_or_default();
    let with = |text: Vec<char>| first.iter().zip(&text).take_while(|(a, b)| a == b).count();
    texts.map(with).min().unwrap_or(first.len())
}

/// A path that is new to every server.
pub(in crate::race) fn random_path() -> String {
    format!("/{}/{}", super::letters(5), super::letters(5))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::faulty::listen;
    use super::*;
    use crate::random::Random;

    fn look(content: &str, fields: &[&str]) -> Look {
        Look {
            status: 200,
            fields: fields.iter().map(|&name| name.to_owned()).collect(),
            content: content.to_owned(),
            bytes: 100 + content.len(),
            is_chunked: false,
        }
    }

    fn plain(looks: &[Look]) -> Plain {
        Plain {
            status: 200,
            varies: looks.iter().any(|look| look.content != looks[0].content),
            looks: looks.to_vec(),
            ..Plain::default()
        }
    }

    /// A server that answers one request on each connection, by the number of the connection and the head.
    fn serve(answer: impl Fn(u64, &str) -> String + Clone + Send + 'static) -> SocketAddr {
        let connections = Arc::new(AtomicU64::new(0));
        listen(move |mut stream| {
            let mut block = [0; 1024];
            let length = stream.read(&mut block).unwrap_or(0);
            let head = String::from_utf8_lossy(&block[..length]);
            let number = connections.fetch_add(1, Ordering::Relaxed);
            let _ = stream.write_all(answer(number, &head).as_bytes());
        })
    }

    fn ok(fields: &str, content: &str) -> String {
        let length = content.len();
        format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n{content}")
    }

    /// In every other answer.
    fn cookie(number: u64) -> &'static str {
        ["", "Set-Cookie: a=b\r\n"][usize::from(number.is_multiple_of(2))]
    }

    fn asked(address: SocketAddr, is_random: bool) -> Result<Plain, String> {
        super::plain(&Request {
            endpoint: &Endpoint { address, tls: None },
            host: "localhost",
            path: "/any/path",
            is_random,
            workload: &Workload::default(),
            generator: "User-Agent: load\r\n",
            closes: false,
        })
    }

    #[test]
    fn a_server_that_varies_is_not_accused() {
        let chance = |number: u64| Random::new(7, number).between(0, 1);
        for is_random in [false, true] {
            for workers in 2..=5 {
                let content = move |number: u64| format!("worker {}", number % workers);
                let turns = serve(move |number, _| ok("", &content(number)));
                assert!(asked(turns, is_random).unwrap().varies, "{workers}");
            }
            let turns = serve(move |number, _| ok(cookie(number), "hello"));
            assert!(asked(turns, is_random).unwrap().varies);
            let content = serve(move |number, _| ok("", &format!("worker {}", chance(number))));
            let field = serve(move |number, _| ok(cookie(chance(number)), "hello"));
            for address in [content, field] {
                let accused = (0..100).filter(|_| asked(address, is_random).is_err());
                assert_eq!(accused.count(), 0);
            }
        }
    }

    #[test]
    fn a_server_that_knows_the_load_is_accused() {
        let empty_if = |is_load: bool| ok("", if is_load { "" } else { "hello" });
        let agent = serve(move |_, head| empty_if(head.contains("User-Agent")));
        let told = asked(agent, true).unwrap_err();
        let words = "\"User-Agent: load\" differently from others: content of 0 bytes, not 5";
        assert!(told.ends_with(words), "{told}");
        // That another field comes and goes does not hide it.
        let field = serve(move |number, head| {
            let is_load = head.contains("User-Agent");
            ok(cookie(number), if is_load { "" } else { "hello" })
        });
        let told = asked(field, true).unwrap_err();
        assert!(told.contains("differently from others"), "{told}");
        let path = serve(move |_, head| empty_if(head.starts_with("GET /any/path ")));
        let told = asked(path, true).unwrap_err();
        assert!(told.ends_with("differently from other paths"), "{told}");
        let fair = serve(move |_, _| empty_if(false));
        assert!(!asked(fair, true).unwrap().varies);
    }

    #[test]
    fn a_difference_is_told() {
        let same = plain(&[look("hello", &["date", "server"]), look("hello", &["date"])]);
        let other = |look: &Look| same.difference(look).unwrap_or_default();
        assert_eq!(other(&look("hello", &["date"])), "");
        assert_eq!(other(&look("hello", &[])), "without date");
        assert_eq!(other(&look("hello", &["date", "server", "x"])), "with x");
        assert_eq!(
            other(&look("hell", &["date", "server"])),
            "content of 4 bytes, not 5"
        );
        assert_eq!(other(&look("hallo", &["date", "server"])), "other content");
        let busy = Look {
            status: 503,
            ..look("hello", &["date"])
        };
        assert_eq!(other(&busy), "status 503, not 200");
    }

    #[test]
    fn what_varies_has_something_in_common() {
        let varies = plain(&[look("visit 17 of you", &[]), look("visit 235 of you", &[])]);
        assert_eq!(varies.difference(&look("visit 9 of you", &["x"])), None);
        let later = plain(&[look("visit 101 of", &[]), look("visit 102 of", &[])]);
        assert_eq!(later.difference(&look("visit 77 of", &[])), None);
        for wrong in ["", "visit", "of you", "9"] {
            let found = varies.difference(&look(wrong, &[]));
            assert_eq!(found.as_deref(), Some("other content"), "{wrong}");
        }
    }

    #[test]
    fn the_mean_size_may_be_off_by_little() {
        let same = plain(&[look("hello", &[]), look("hello", &[])]);
        assert_eq!(same.size_difference(106.5, 0.0), None);
        assert!(
            same.size_difference(68.0, 0.0)
                .unwrap()
                .contains("68 bytes")
        );
        assert_eq!(same.size_difference(68.0, 40.0), None);
        let varies = plain(&[look("visit 1", &[]), look("visit 22", &[])]);
        assert_eq!(varies.size_difference(130.0, 0.0), None);
        assert!(varies.size_difference(40.0, 0.0).is_some());
    }
}
