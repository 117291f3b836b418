//! The peers: what each of them sends, when, and how it reads.

use super::dice::Dice;

/// One thing that a peer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Sends bytes; the network may cut them.
    Send(Vec<u8>),
    /// The same, and the last byte is urgent data.
    SendUrgent(Vec<u8>),
    /// Does nothing for so many milliseconds.
    Pause(u64),
    /// Ends its side.
    Finish,
    /// Breaks off.
    Reset,
}

/// How a peer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// All there is, at once.
    Fast,
    /// A few bytes now and then.
    Slow,
    /// 3,000 bytes in a second.
    Steady,
    Never,
}

/// A peer before it connects.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) connects_at: u64,
    pub(super) acts: Vec<Act>,
    pub(super) reading: Reading,
    /// So many bytes go out to it before it has to read.
    pub(super) window: usize,
}

impl Script {
    pub(super) fn of(acts: Vec<Act>) -> Self {
        Self {
            connects_at: 0,
            acts,
            reading: Reading::Fast,
            window: 200_000,
        }
    }

    /// Any peer, honest or not. One that is `scripted` also asks for more than greetings.
    pub(super) fn any(dice: &mut Dice, is_scripted: bool) -> Self {
        let request = if is_scripted { any_request } else { greeted };
        let mut script = Self::of(match dice.below(8) {
            0 => flood(dice),
            1 => bad(dice, request),
            2 => half(dice, request),
            3 => trickle(dice, request),
            _ => honest(dice, request),
        });
        if dice.one_in(10)
            && let Some(act) = script.acts.first_mut()
            && let Act::Send(bytes) = act
        {
            *act = Act::SendUrgent(std::mem::take(bytes));
        }
        if dice.one_in(6) {
            let at = dice.below(script.acts.len() + 1);
            script.acts.truncate(at);
            script.acts.push(Act::Reset);
        }
        script.connects_at = if dice.one_in(2) {
            0
        } else {
            dice.below(5_000) as u64
        };
        script.reading = *dice.pick(&[Reading::Fast, Reading::Fast, Reading::Slow, Reading::Never]);
        // A window of a byte takes a turn for each byte of each response.
        let windows: &[usize] = if is_scripted {
            &[3_000, 20_000, 200_000]
        } else if script.sends() < 1_000 {
            &[1, 100, 5_000]
        } else {
            &[5_000, 200_000]
        };
        script.window = *dice.pick(windows);
        script
    }
}

impl Script {
    fn sends(&self) -> usize {
        let sends = |act: &Act| {
            if let Act::Send(bytes) | Act::SendUrgent(bytes) = act {
                bytes.len()
            } else {
                0
            }
        };
        self.acts.iter().map(sends).sum()
    }
}

/// Makes a request.
type Maker = fn(&mut Dice) -> Vec<u8>;

/// Requests, pauses, and an end.
fn honest(dice: &mut Dice, request: Maker) -> Vec<Act> {
    let mut acts = Vec::new();
    for _ in 0..dice.below(6) {
        let requests: Vec<u8> = (0..=dice.below(4)).flat_map(|_| request(dice)).collect();
        acts.push(Act::Send(requests));
        if dice.one_in(2) {
            acts.push(Act::Pause(dice.below(20_000) as u64));
        }
    }
    if !dice.one_in(4) {
        acts.push(Act::Finish);
    }
    acts
}

/// More than fits into any block, without a pause.
fn flood(dice: &mut Dice) -> Vec<Act> {
    let request = greeted(dice);
    vec![
        Act::Send(request.repeat(1 + 100_000 / request.len())),
        Act::Finish,
    ]
}

/// Something to refuse, with more behind it.
fn bad(dice: &mut Dice, request: Maker) -> Vec<Act> {
    let mut bytes = request(dice);
    bytes.extend_from_slice(match dice.below(6) {
        0 => b"GET / HTTP/1.1\nHost: a\n\n",
        1 => b"GET / HTTP/1.1\r\n\r\n",
        2 => b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX",
        3 => b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
        4 => b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        _ => b"\x16\x03\x01\x02",
    });
    let behind = greeted(dice);
    bytes.extend(behind.repeat(1 + dice.below(400_000 / behind.len())));
    vec![
        Act::Send(bytes),
        Act::Pause(dice.below(4_000) as u64),
        Act::Finish,
    ]
}

/// A part of a request, then silence or an end.
fn half(dice: &mut Dice, request: Maker) -> Vec<Act> {
    let mut bytes = request(dice);
    bytes.truncate(dice.below(bytes.len()));
    let mut acts = vec![Act::Send(bytes)];
    if dice.one_in(2) {
        acts.push(Act::Finish);
    }
    acts
}

/// A byte now and then.
fn trickle(dice: &mut Dice, request: Maker) -> Vec<Act> {
    let mut acts = Vec::new();
    let bytes = if dice.one_in(3) {
        b"\r\n".repeat(8)
    } else {
        request(dice)
    };
    let pause = dice.below(3_000) as u64;
    for byte in bytes.into_iter().take(60) {
        acts.extend([Act::Send(vec![byte]), Act::Pause(pause)]);
    }
    acts
}

/// A request that is greeted.
fn greeted(dice: &mut Dice) -> Vec<u8> {
    let path_bytes = *dice.pick(&[1, 1, 10, 300, 7000]);
    let path = "p".repeat(1 + dice.below(path_bytes));
    let length_end = *dice.pick(&[1, 10, 3_000, 40_000]);
    let length = dice.below(length_end);
    let body = "b".repeat(length);
    match dice.below(6) {
        0 => format!("POST /{path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"),
        1 if length > 0 => format!(
            "PUT /{path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{length:x};a=b\r\n{body}\r\n0\r\nT: x\r\n\r\n"
        ),
        2 => format!("HEAD /{path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        3 => format!("\r\nGET /{path} HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", &body[..length.min(5_000)]),
        _ => format!("GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n"),
    }
    .into_bytes()
}

fn any_request(dice: &mut Dice) -> Vec<u8> {
    if dice.one_in(3) {
        greeted(dice)
    } else {
        handled(dice)
    }
}

/// A request for which the handler does more than to greet.
fn handled(dice: &mut Dice) -> Vec<u8> {
    let time = *dice.pick(&[0, 0, 1, 7, 100, 3_000, 90_000]);
    let bytes = *dice.pick(&[0, 5, 3_000, 70_000, 200_000]);
    let pause = *dice.pick(&[0, 1, 50, 2_000]);
    let kind = dice.below(4);
    match dice.below(16) {
        0..=2 => without_content(&format!("/~delay/{time}/{kind}"), dice),
        3 | 4 => without_content(&format!("/~later/{time}/{kind}"), dice),
        5 => without_content(&format!("/~drop/{time}"), dice),
        6..=8 => {
            let end = *dice.pick(&[0, 0, 0, 1, 1, 1, 2, 3, 4, 5]);
            let path = format!("/~stream/{bytes}/{pause}/{}/{end}", kind % 3);
            without_content(&path, dice)
        }
        9 | 10 => with_content("/~collect", "b", dice),
        11 => {
            let content = *dice.pick(&["b", "b", "b", "bbbbbbbbb!"]);
            with_content(&format!("/~read/{time}"), content, dice)
        }
        12 | 13 => with_content("/~exchange", "b", dice),
        14 => with_content("/~refuse", "b", dice),
        _ => {
            let path = *dice.pick(&["/~abort", "/~reset", "/~panic"]);
            without_content(path, dice)
        }
    }
}

fn without_content(path: &str, dice: &mut Dice) -> Vec<u8> {
    match dice.below(8) {
        0 => format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes(),
        1 => format!("GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").into_bytes(),
        2 => with_content(path, "b", dice),
        _ => format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes(),
    }
}

/// The content is so many repetitions.
fn with_content(path: &str, content: &str, dice: &mut Dice) -> Vec<u8> {
    let times_end = *dice.pick(&[2, 30, 3_000, 30_000]) / content.len();
    let times = dice.below(1 + times_end);
    let length = times * content.len();
    let content = content.repeat(times);
    if dice.one_in(2) {
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        return (head + &content).into_bytes();
    }
    let mut request =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk_bytes = 1 + length / 3;
    for chunk in content.as_bytes().chunks(chunk_bytes) {
        let chunk = String::from_utf8_lossy(chunk);
        let length = format!("{:x}\r\n", chunk.len());
        request += &[&length, chunk.as_ref(), "\r\n"].concat();
    }
    (request + "0\r\n\r\n").into_bytes()
}
