"""Requests that parsers are known to disagree on, and mutations of them, from a seed."""
import pathlib
import random
import re

TABLES = pathlib.Path(__file__).parent.parent / "protocol"

HOST = b"Host: a\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

LINES = [b"GET /one HTTP/1.1\r\n", b"POST /one HTTP/1.1\r\n", b"HEAD /one HTTP/1.1\r\n", b"PUT /one?q HTTP/1.1\r\n",
         b"POST /one HTTP/1.0\r\n", b"GET http://a/one HTTP/1.1\r\n"]
FIELDS = [
    b"Content-Length: 5\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length: 6\r\n",
    b"Content-Length: +5\r\n", b"Content-Length: -5\r\n", b"Content-Length: 0x5\r\n", b"Content-Length: 5, 5\r\n",
    b"Content-Length: 5 5\r\n", b"Content-Length: 005\r\n", b"Content-Length:5\r\n", b"Content-Length:\t5 \r\n",
    b"Content-Length: \r\n", b"Content-Length: 5_0\r\n", b"Content-Length: 18446744073709551621\r\n",
    b"Content-Length : 5\r\n", b"Content-Length:\r\n 5\r\n", b"content-length: 5\r\n", b"Content_Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: CHUNKED\r\n",
    b"Transfer-Encoding:chunked\t\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Transfer-Encoding: chunked, gzip\r\n",
    b"Transfer-Encoding: ,chunked\r\n", b"Transfer-Encoding: chunked,\r\n", b"Transfer-Encoding: xchunked\r\n",
    b'Transfer-Encoding: "chunked"\r\n', b"Transfer-Encoding: chunked;a=b\r\n", b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n", b"Transfer-Encoding:\r\n chunked\r\n", b"Transfer-Encoding:\n chunked\r\n",
    b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding:\r\n", b"Transfer_Encoding: chunked\r\n",
    b"X: y\r\n", b"X: y\n", b"X: a\rb\r\n", b"X: a\r\n b\r\n", b" X: a\r\n", b": x\r\n", b"Xyz\r\n", b"X(y: a\r\n",
    b"X: a\x00b\r\n", b"X: a\x01b\r\n", b"X: \xff\r\n", b"X\xe9: a\r\n", b"Connection: close\r\n",
    b"Connection: keep-alive\r\n", b"Connection: foo, CLOSE\r\n", b"Host: b\r\n", b"Host: a\r\n", b"\r\r\n",
]
BODIES = [
    b"", b"hello", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"+5\r\nhello\r\n0\r\n\r\n",
    b"\r\nhello\r\n0\r\n\r\n", b";a\r\n\r\n", b"5;a\nhello\r\n0\r\n\r\n", b"5;a\rX\r\nhello\r\n0\r\n\r\n",
    b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n', b"5 \r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n", b"00005\r\nhello\r\n000\r\n\r\n", b"0\r\nX-T: v\r\n\r\n",
    b"0\r\nX-T: v\n\r\n", b"0\r\nContent-Length: 50\r\n\r\n", b"0\r\n\n", b"0\n\n", b"5;\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\n", b"A\r\n0123456789\r\n0\r\n\r\n", b"5_\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhelloX\n0\r\n\r\n", b"5\r\nhello\rX0\r\n\r\n", b"5\r\nhello\r\r0\r\n\r\n", b"5\rXhello\r\n0\r\n\r\n", b"5;\x00\r\nhello\r\n0\r\n\r\n",
]
WHOLE = [
    b"GET /one HTTP/1.1\nHost: a\n\n", b"GET /one HTTP/1.1\r\nHost: a\r\n\n", b"GET /one HTTP/1.1\rHost: a\r\r",
    b"\r\nGET /one HTTP/1.1\r\nHost: a\r\n\r\n", b"GET  /one HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /one\r\n\r\n",
    b"GET\t/one\tHTTP/1.1\r\nHost: a\r\n\r\n", b"GET /one HTTP/1.1 \r\nHost: a\r\n\r\n", b"GET /o ne HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /one HTTP/1.1\r\n\r\n", b" GET /one HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /one HTTP/2.0\r\nHost: a\r\n\r\n",
    b"GET /one HTTP/1.10\r\nHost: a\r\n\r\n", b"GET /one HTTP/1.1\r\r\nHost: a\r\n\r\n", b"GET /one http/1.1\r\nHost: a\r\n\r\n",
    b"POST /one HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
]
SPICE = [b"\r", b"\n", b"\r\n", b" ", b"\t", b"\x00", b"\x0b", b",", b";", b":", b"0", b"5", b"a", b"\xff", b"-", b"+", b"_", b'"']


def request(dice):
    """Now and then a plain one, mostly one with one or two fields that matter, and a body."""
    if dice.random() < 0.1:
        return dice.choice(WHOLE)
    fields = [dice.choice(FIELDS) for _ in range(dice.choice([0, 1, 1, 1, 2, 2, 3]))]
    fields.insert(dice.randrange(len(fields) + 1), HOST)
    return dice.choice(LINES) + b"".join(fields) + b"\r\n" + dice.choice(BODIES)


def mutated(dice, text):
    for _ in range(dice.choice([0, 0, 1, 1, 2])):
        at = dice.randrange(len(text) + 1)
        kind = dice.randrange(4)
        if kind == 0:
            text = text[:at] + dice.choice(SPICE) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + 1:]
        elif kind == 2:
            text = text[:at] + dice.choice(SPICE) + text[at + 1:]
        else:
            end = min(len(text), at + dice.randrange(12))
            text = text[:at] + text[at:end] + text[at:]
    return text


def hostile():
    """The hostile inputs that `tests/protocol` writes out: name and bytes stand in one table, that of the tests."""
    escapes = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\", '"': '"'}

    def plain(escape):
        return chr(int(escape[1], 16)) if escape[1] else escapes[escape[2]]

    for name in ("hostile", "hostile_bodies", "hostile_heads"):
        text = (TABLES / f"{name}.rs").read_text()
        for row in re.finditer(r'\(\s*"[^"]+",\s*b"((?:[^"\\]|\\.)*)"', text):
            yield re.sub(r"\\(?:x([0-9a-fA-F]{2})|(.))", plain, row[1]).encode("latin-1")


def crossed(dice, texts):
    """The beginning of one and the end of another."""
    one, other = dice.choice(texts), dice.choice(texts)
    return one[: dice.randrange(len(one) + 1)] + other[dice.randrange(len(other)) :]


def conversations(seed, count):
    """Every hostile input, and every field with every body, with a length and with a coding, once; then as many
    others as are wanted. Behind each stands another request: a server that answers it has found the end of the first
    one there."""
    dice = random.Random(seed)
    known = list(hostile())
    yield from (whole + NEXT for whole in WHOLE + known)
    for field in FIELDS:
        for body in BODIES:
            yield LINES[1] + HOST + field + b"\r\n" + body + NEXT
    for field in FIELDS:
        for other in (b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"):
            yield LINES[1] + HOST + field + other + b"\r\n0\r\n\r\n" + NEXT
            yield LINES[1] + HOST + other + field + b"\r\n0\r\n\r\n" + NEXT
    for _ in range(count):
        kind = dice.random()
        if kind < 0.6:
            text = request(dice)
        elif kind < 0.8:
            text = dice.choice(known)
        else:
            text = crossed(dice, known)
        yield mutated(dice, text) + NEXT
