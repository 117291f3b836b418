"""Many peers in one thread, each with its own connection."""

import errno
import selectors
import socket
import struct
import time

READ_BYTES = 256 * 1024
# A peer that takes longer than this is a fault.
SECONDS_MAX = 20


def request(path, *fields, method="GET", body=b""):
    """The bytes of a request. A body gets its Content-Length."""
    lines = [f"{method} {path} HTTP/1.1", "Host: a", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(path, *chunks):
    """The bytes of a request whose body comes in these chunks."""
    head = request(path, "Transfer-Encoding: chunked", method="POST")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def greeting(path):
    return f"Hello, visitor! You've requested: {path}\n".encode()


def answers(received):
    """The answers in these bytes as (status, fields, content). They have to be whole."""
    found = []
    rest = bytes(received)
    while rest:
        head, end, rest = rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        if not end or not lines[0].startswith("HTTP/1.1 "):
            raise ValueError(f"no whole answer: {head[:80]!r}")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        length = int(fields.get("Content-Length", 0))
        if len(rest) < length:
            raise ValueError(f"an answer is cut short by {length - len(rest)} bytes")
        found.append((int(lines[0].split()[1]), fields, rest[:length]))
        rest = rest[length:]
    return found


def statuses(received):
    return [status for status, _, _ in answers(received)]


def connect(port, host="127.0.0.1", source=None, receive_bytes=None, send_bytes=None):
    """A connected socket that does not block. `source`: an address of this machine."""
    peer = socket.socket()
    if receive_bytes:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    if send_bytes:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
    if source:
        peer.bind((source, 0))
    peer.settimeout(SECONDS_MAX)
    peer.connect((host, port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.setblocking(False)
    return peer


def ask(port, path="/", peer=None, host="127.0.0.1"):
    """One request and its answer, which has to be right. How many seconds it took."""
    start = time.monotonic()
    stream = peer or connect(port, host)
    stream.settimeout(SECONDS_MAX)
    stream.sendall(request(path))
    received = b""
    wanted = greeting(path)
    while not received.endswith(wanted):
        piece = stream.recv(READ_BYTES)
        if not piece:
            raise ConnectionError(f"closed after {received!r}")
        received += piece
    took = time.monotonic() - start
    if [(status, content) for status, _, content in answers(received)] != [(200, wanted)]:
        raise ValueError(f"not the one answer to {path}: {received!r}")
    if peer is None:
        stream.close()
    return took


def reset(stream):
    """Closes with a reset instead of a farewell."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


class Peer:
    """Sends what it has, perhaps ends its side, and reads to the end."""

    def __init__(self, stream, sends, half_close=False, reads_first=True):
        self.stream = stream
        self.sends = memoryview(sends)
        self.half_close = half_close
        # False: reads nothing before it has sent everything, or cannot.
        self.reads = reads_first
        self.received = bytearray()
        # A reset came while there was still something to send.
        self.send_failed = False
        # How it ended: "end" by the server's FIN, "reset", or None.
        self.ended = None

    def write(self):
        try:
            sent = self.stream.send(self.sends)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise
            self.send_failed = True
            self.sends = memoryview(b"")
        else:
            self.sends = self.sends[sent:]
        if not self.sends:
            self.reads = True
            if self.half_close and not self.send_failed:
                self.end_side()

    def end_side(self):
        try:
            self.stream.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise
            # A reset came right behind the last byte.
            self.send_failed = True

    def read(self):
        try:
            piece = self.stream.recv(READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionResetError:
            self.ended = "reset"
            return
        self.received += piece
        if not piece:
            self.ended = "end"

    def interest(self):
        wishes = selectors.EVENT_WRITE if self.sends else 0
        return wishes | (selectors.EVENT_READ if self.reads else 0)


def converse(peers, seconds=SECONDS_MAX, until=None):
    """Lets all of them talk until they have ended, or `until(peer)` holds. Who did not come so far
    in time is left with `ended` None."""
    deadline = time.monotonic() + seconds
    is_done = until or (lambda peer: False)
    with selectors.DefaultSelector() as selector:
        for peer in peers:
            if not (peer.ended or is_done(peer)):
                selector.register(peer.stream, peer.interest(), peer)
        while selector.get_map() and time.monotonic() < deadline:
            for key, events in selector.select(min(0.5, max(0, deadline - time.monotonic()))):
                peer = key.data
                before = peer.interest()
                if events & selectors.EVENT_WRITE:
                    peer.write()
                if events & selectors.EVENT_READ:
                    peer.read()
                if peer.ended or is_done(peer):
                    selector.unregister(peer.stream)
                elif peer.interest() != before:
                    selector.modify(peer.stream, peer.interest(), peer)


def close_all(peers):
    for peer in peers:
        peer.stream.close()
