"""Python against hullo on the loopback: client.py kept-alive|pipelined PORT.

Prints how many responses were right and exits with 0, or raises at the first wrong one.
"""

import http.client
import socket
import sys

TIMEOUT_SECONDS = 20


def greeting(path):
    return b"Hello, visitor! You've requested: " + path + b"\n"


def kept_alive(port):
    """Methods and kinds of body in turn, 1000 requests, all of them on one connection."""
    body = bytes(range(256)) * 16
    # A list of pieces has no length: http.client sends it chunked.
    chunked = [body[:1], body[1:4000], body[4000:]]
    kinds = [
        ("GET", None),
        ("POST", body),
        ("HEAD", None),
        ("PUT", chunked),
        ("DELETE", None),
        ("PATCH", b""),
        ("GET", body),
        ("POST", chunked),
    ]
    peer = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    peer.connect()
    first_socket = peer.sock
    for number in range(1000):
        method, content = kinds[number % len(kinds)]
        path = f"/{method}/{number}"
        peer.request(method, f"{path}?q={number}", body=content)
        answer = peer.getresponse()
        got = answer.read()
        expected = b"" if method == "HEAD" else greeting(path.encode())
        assert (answer.status, got) == (200, expected), (method, path, answer.status, got)
        assert answer.length in (0, None), (method, path, answer.length)
        assert peer.sock is first_socket, f"the connection was closed after {method} {path}"
    peer.close()
    return 1000


def read_answer(stream):
    """One answer: its status line and its content."""
    status = stream.readline()
    fields = dict(line.split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
    return status, stream.read(int(fields[b"Content-Length"]))


def converse(port, conversation, piece_bytes, paths):
    """Sends the conversation in pieces, reads only then, and wants an answer for each path."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_SECONDS) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(conversation), piece_bytes):
            peer.sendall(conversation[start : start + piece_bytes])
        peer.shutdown(socket.SHUT_WR)
        with peer.makefile("rb") as stream:
            for path in paths:
                status, content = read_answer(stream)
                assert status == b"HTTP/1.1 200 OK\r\n", (piece_bytes, path, status)
                assert content == greeting(path), (piece_bytes, path, content)
            rest = stream.read()
            assert rest == b"", (piece_bytes, rest)


def pipelined(port):
    """500 requests, with and without bodies, in one write and in pieces of awkward sizes."""
    kinds = [
        b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nGET / HTTP/",
        b"PUT %s?q HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n",
    ]
    paths = [b"/%d" % number for number in range(500)]
    conversation = b"".join(kinds[n % len(kinds)] % path for n, path in enumerate(paths))
    sizes = [len(conversation), 1, 7, 41, 1009, 16384]
    for piece_bytes in sizes:
        converse(port, conversation, piece_bytes, paths)
    return len(sizes) * len(paths)


if __name__ == "__main__":
    checks = {"kept-alive": kept_alive, "pipelined": pipelined}
    print(checks[sys.argv[1]](int(sys.argv[2])), "answers")
