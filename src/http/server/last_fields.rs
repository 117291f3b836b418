//! The field lines of the last request that came whole, and their meaning.
//!
//! The requests of a client, and of many clients of one kind, often differ in nothing but the target. What
//! field lines mean depends on their bytes and on the limits alone: lines that are equal to the last ones, up to
//! and with the empty line, need no second reading.

use std::cell::RefCell;

use super::head::Facts;
use super::limits::Limits;
use super::reject::Reject;

/// Longer ones are read each time.
const BYTES_MAX: usize = 4096;

/// It is looked at, and replaced, by one thread.
#[derive(Debug)]
pub(super) struct LastFields(RefCell<Last>);

#[derive(Debug)]
struct Last {
    /// With the empty line; nothing: none are known.
    lines: Vec<u8>,
    facts: Facts,
}

impl LastFields {
    pub(super) fn new() -> Self {
        Self(RefCell::new(Last {
            lines: Vec::with_capacity(BYTES_MAX),
            facts: Facts::default(),
        }))
    }

    /// The same as [`Facts::read`], always with the same limits.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "on the path of every request")]
    pub(super) fn read(&self, input: &[u8], limits: &Limits) -> Result<Facts, Reject> {
        let mut last = self.0.borrow_mut();
        if !last.lines.is_empty() && input.starts_with(&last.lines) {
            return Ok(last.facts);
        }
        last.learn(input, limits)
    }
}

impl Last {
    #[inline]
    fn learn(&mut self, input: &[u8], limits: &Limits) -> Result<Facts, Reject> {
        let facts = Facts::read(input, limits)?;
        if let Some(lines) = input.get(..facts.length)
            && lines.len() <= BYTES_MAX
        {
            self.lines.clear();
            self.lines.extend_from_slice(lines);
            self.facts = facts;
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 12] = [
        "Host: a\r\n",
        "Host: b:80\r\n",
        "host: a/\r\n",
        "Connection: close\r\n",
        "Connection: keep-alive\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: 50\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "X: y\r\n",
        "X y\r\n",
        "X: y\n",
    ];

    /// Blocks of up to three lines, each followed by nothing, by an empty line, by one and by more.
    fn blocks() -> Vec<String> {
        let mut blocks = vec![String::new()];
        for depth in 0..3 {
            let longest = |block: &&String| block.matches('\n').count() == depth;
            let starts: Vec<String> = blocks.iter().filter(longest).cloned().collect();
            for start in starts {
                blocks.extend(LINES.map(|line| format!("{start}{line}")));
            }
        }
        let ends = ["", "\r", "\r\n", "\r\nGET / HTTP/1.1\r\n"];
        let blocks = blocks.iter();
        let blocks = blocks.flat_map(|block| ends.map(|end| format!("{block}{end}")));
        blocks.collect()
    }

    #[test]
    fn says_what_a_first_reading_says_whatever_came_before() {
        let limits = Limits::default().fields(2);
        let blocks = blocks();
        let last_fields = LastFields::new();
        let mut known = 0;
        // A step that is prime to the number of blocks meets each pair of neighbours of some distance.
        for step in [1, 5, 7, 641] {
            for place in 0..blocks.len() {
                let block = &blocks[place * step % blocks.len()];
                for _ in 0..2 {
                    let expected = Facts::read(block.as_bytes(), &limits);
                    assert_eq!(last_fields.read(block.as_bytes(), &limits), expected);
                    known += usize::from(expected.is_ok());
                }
            }
        }
        assert!(known > 1000);
    }

    #[test]
    fn forgets_no_line_for_a_block_that_is_too_long() {
        let limits = Limits::default();
        let last_fields = LastFields::new();
        let long = format!("Host: a\r\nX: {}\r\n\r\n", "x".repeat(BYTES_MAX));
        for block in ["Host: a\r\n\r\n", &long, "Host: a\r\n\r\n", &long] {
            let expected = Facts::read(block.as_bytes(), &limits);
            assert_eq!(last_fields.read(block.as_bytes(), &limits), expected);
            assert_eq!(last_fields.0.borrow().lines, b"Host: a\r\n\r\n");
        }
    }
}
