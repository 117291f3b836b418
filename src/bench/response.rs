//! Judges the responses on one connection: bytes in, answers out. [`client`](crate::http::client)
//! reads them; what they should be is `expect`'s.

use super::error::ErrorKind;
use super::expect::{Comparison, Expected};
use super::workload::{Awaited, Jar};
use crate::http::client::{self, EarlyEnd, Head, Memo, ProtocolError, Response, Sink};

/// A whole response, and whether it is the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body_bytes: u64,
    /// The server will not answer another request on this connection.
    pub(super) closes: bool,
    /// It is not what was expected.
    pub(super) fault: Option<ErrorKind>,
}

/// Where a connection stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reader {
    responses: client::Reader,
    /// Of the content of the response that has begun.
    comparison: Comparison,
}

/// How far a read came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// So much of the input is done with: see [`client::Reader::read`].
    pub(super) consumed: usize,
    /// The answer that ended there.
    pub(super) answer: Option<Answer>,
}

/// Compares content, as it comes, with what is expected.
struct Comparing<'a> {
    comparison: &'a mut Comparison,
    expected: Option<&'a [u8]>,
    jar: Option<&'a mut Jar>,
}

impl Sink for Comparing<'_> {
    #[inline]
    fn head(&mut self, _: &Head, bytes: &[u8]) {
        if let Some(jar) = &mut self.jar {
            jar.learn(bytes);
        }
    }

    #[inline]
    fn content(&mut self, piece: &[u8]) {
        self.comparison.feed(self.expected, piece);
    }
}

impl Reader {
    /// Reads on in `input`, up to the end of an answer.
    #[inline]
    pub(super) fn read(
        &mut self,
        input: &[u8],
        awaited: Awaited<'_>,
        memo: &mut Memo,
    ) -> Result<Read, ProtocolError> {
        let expected = awaited.expected;
        let mut sink = Comparing {
            comparison: &mut self.comparison,
            expected: expected.content(),
            jar: awaited.jar,
        };
        let read = self
            .responses
            .read(input, expected.head_only, memo, &mut sink)?;
        Ok(Read {
            consumed: read.consumed,
            answer: read.response.map(|response| self.judge(response, expected)),
        })
    }

    #[inline]
    fn judge(&mut self, response: Response, expected: Expected<'_>) -> Answer {
        let comparison = std::mem::take(&mut self.comparison);
        let status_is_expected = expected.statuses.is_none_or(|set| set.has(response.status));
        let fault = if !status_is_expected {
            Some(ErrorKind::Status)
        } else if !comparison.is_equal(expected.content()) {
            Some(ErrorKind::Body)
        } else {
            None
        };
        Answer {
            status: response.status,
            body_bytes: response.content_bytes,
            closes: response.closes,
            fault,
        }
    }

    /// The server has ended the connection, after `unread` bytes of a head. That ends an answer, or
    /// fails the request whose answer was due.
    pub(super) fn end(
        &mut self,
        unread: usize,
        expected: Expected<'_>,
    ) -> Result<Answer, ErrorKind> {
        match self.responses.end(unread) {
            Ok(response) => Ok(self.judge(response, expected)),
            Err(early) => {
                *self = Self::default();
                Err(match early {
                    EarlyEnd::BeforeHead => ErrorKind::Closed,
                    EarlyEnd::InResponse => ErrorKind::Short,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::expect::{Expect, Statuses};
    use super::*;

    /// The faults of the answers in `text`, cut at `cuts`, and how the connection ends.
    fn play(
        text: &[u8],
        step: usize,
        expect: &Expect,
    ) -> (Vec<Option<ErrorKind>>, Result<(), ErrorKind>) {
        let (mut reader, mut memo) = (Reader::default(), Memo::default());
        let (mut unread, mut faults) = (Vec::new(), Vec::new());
        for piece in text.chunks(step) {
            unread.extend_from_slice(piece);
            loop {
                let read = reader
                    .read(&unread, Awaited::of(expect.at(faults.len())), &mut memo)
                    .unwrap();
                unread.drain(..read.consumed);
                faults.extend(read.answer.map(|answer| answer.fault));
                if read.answer.is_none() || unread.is_empty() {
                    break;
                }
            }
        }
        let end = reader
            .end(unread.len(), expect.at(faults.len()))
            .map(|answer| faults.push(answer.fault));
        (faults, end)
    }

    #[test]
    fn expectations_are_checked_place_by_place() {
        let expect = Expect {
            statuses: Some(Statuses::parse("2xx").unwrap()),
            bodies: Some(
                (0..5)
                    .map(|place| format!("/{place}").into_bytes())
                    .collect(),
            ),
            head_only: false,
        };
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/0\
            HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/2\
            HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n/2\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n/\r\n1\r\n3\r\n0\r\n\r\n\
            HTTP/1.1 200 OK\r\nX: y\r\n\r\n/4";
        let expected = [
            None,
            Some(ErrorKind::Body),
            Some(ErrorKind::Status),
            None,
            None,
        ];
        for step in [1, 2, 3, 7, text.len()] {
            let (faults, end) = play(text.as_bytes(), step, &expect);
            assert_eq!(
                (&faults[..], end),
                (&expected[..], Ok(())),
                "in steps of {step}"
            );
        }
    }

    #[test]
    fn an_answer_to_head_has_no_body_to_compare() {
        let expect = Expect {
            head_only: true,
            bodies: Some(vec![b"not compared".to_vec(); 3]),
            ..Expect::default()
        };
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n".repeat(3);
        for step in [1, text.len()] {
            let played = play(text.as_bytes(), step, &expect);
            assert_eq!(played, (vec![None; 3], Err(ErrorKind::Closed)));
        }
    }

    #[test]
    fn an_early_end_is_an_error_of_its_own() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        for cut in 0..=text.len() {
            let (faults, end) = play(&text.as_bytes()[..cut], 1, &Expect::default());
            let is_between = cut == 0 || cut == text.len();
            let error = if is_between {
                ErrorKind::Closed
            } else {
                ErrorKind::Short
            };
            assert_eq!(
                (faults.len(), end),
                (cut / text.len(), Err(error)),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn a_reader_is_small() {
        assert!(size_of::<Reader>() <= 128, "{}", size_of::<Reader>());
    }
}
