"""The time-outs, to within 0.2 s: one peer per case, all at the same time."""

import select
import socket
import threading
import time

from harness import expect
from swarm import READ_BYTES, chunked, connect, request, statuses

EXACT_SECONDS = 0.2
HEAD, BODY, IDLE, WRITE, LINGER = 10.0, 3.0, 4.0, 5.0, 2.0
FLAGS = ("--body-timeout", "3s", "--idle-timeout", "4s", "--write-timeout", "5s")
POST = request("/", "Content-Length: 100000", method="POST")


class Case:
    """A peer that sends something at once, then a piece every so often, until it is closed."""

    def __init__(self, name, after, status, first, piece=b"", every=None, pieces=None):
        self.name = name
        # When it has to end, in seconds after `first` was sent, and the last answer before it.
        self.after = after
        self.status = status
        self.first = first
        self.piece = piece
        self.every = every
        self.pieces = pieces

    def run(self, port):
        """Seconds until the server ended the connection, and the statuses it had sent."""
        stream = connect(port)
        stream.send(self.first)
        start = time.monotonic()
        received = b""
        left = self.pieces
        due = start + (self.every or 3600)
        while time.monotonic() < start + self.after + 2:
            readable, _, _ = select.select([stream], [], [], max(0, min(due - time.monotonic(), 1)))
            if readable:
                piece = stream.recv(READ_BYTES)
                if not piece:
                    stream.close()
                    return time.monotonic() - start, statuses(received)
                received += piece
            elif time.monotonic() >= due and left != 0:
                stream.send(self.piece)
                due += self.every
                left = left and left - 1
        stream.close()
        return None, statuses(received)


CASES = [
    Case("half a head", HEAD, [408], b"GET / HTTP/1.1\r\nHost: a\r\nF: "),
    Case("a head that trickles", HEAD, [408], b"G", b"E", 0.5),
    Case("a head that trickles, its lines", HEAD, [408], b"GET / HTTP/1.1\r\n", b"F: v\r\n", 0.4),
    Case("the second head", HEAD, [200, 408], request("/") + b"GET /x", b"x", 0.9),
    Case("silence at first", IDLE, [], b""),
    Case("silence after an answer", IDLE, [200], request("/")),
    Case("empty lines at first", IDLE, [], b"\r\n", b"\r\n", 1.5),
    Case("empty lines after an answer", IDLE, [200], request("/"), b"\r\n", 1.2),
    Case("halves of empty lines", IDLE, [200], request("/"), b"\r", 3.0, 1),
    Case("half a body", BODY, [408], POST + b"x" * 100),
    Case("no body", BODY, [408], POST),
    Case("a body that trickles", BODY, [408], POST, b"x", 0.3),
    Case("a chunked body that trickles", BODY, [408], chunked("/")[:-5] + b"fff\r\n", b"x", 0.3),
    Case("silence after a body that came slowly", 9 + IDLE, [200], POST, b"x" * 20_000, 1.8, 5),
]


def run_cases(port):
    """All at once: what was found of each."""
    found = {}

    def take(case):
        try:
            found[case.name] = case.run(port)
        except OSError as error:
            found[case.name] = (None, repr(error))

    threads = [threading.Thread(target=take, args=(case,)) for case in CASES]
    for thread in threads:
        thread.start()
    return threads, found


def server_end(stream):
    """The server's socket of a connection, as the kernel's table names it: its address and ours. With ours alone,
    it could be that of another server, to which the same port was connected before."""
    ends = (stream.getpeername(), stream.getsockname())
    return [f"{socket.inet_aton(host)[::-1].hex().upper()}:{port:04X}" for host, port in ends]


def unread(ends):
    """Bytes that lie in the receive buffer of a socket, or None when it is gone."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[1:3] == ends:
                return int(fields[4].split(":")[1], 16)
    return None


def slow_reader_ends_after(port):
    """Seconds from the moment that the server could not send on, to the end. The peer pipelines
    without reading; the server then stops reading too, and that can be seen: nothing is taken from
    its receive buffer any more. (That the peer cannot send on comes later, by as much as the
    kernels take to fill the buffers between.) The end is a reset, for its requests are unread."""
    stream = connect(port, receive_bytes=4096, send_bytes=65536)
    block = request("/" + "a" * 4000) * 20
    watch = select.poll()
    watch.register(stream, select.POLLOUT)
    rest = memoryview(block)
    server, left = server_end(stream), 0
    read_on = time.monotonic()
    while time.monotonic() - read_on < WRITE + 2:
        for _, event in watch.poll(5):
            if event & (select.POLLERR | select.POLLHUP):
                stream.close()
                return time.monotonic() - read_on
            rest = rest[stream.send(rest) :] or memoryview(block)
        before, left = left or 0, unread(server)
        if left is not None and (left == 0 or left < before):
            read_on = time.monotonic()
    stream.close()
    return None


def lingerer_ends_after(port):
    """Seconds from an error's answer, which ends the server's side, to the close. The peer sends
    on, a byte now and then: the close is what makes the kernel answer that with a reset."""
    stream = connect(port)
    stream.send(b"GET / HTTP/1.1\n")
    start = time.monotonic()
    stream.setblocking(True)
    while stream.recv(READ_BYTES):
        pass
    while time.monotonic() - start < LINGER + 2:
        try:
            stream.send(b"x")
        except OSError:
            stream.close()
            return time.monotonic() - start
        time.sleep(0.02)
    return None


def exact(lab):
    server = lab.hullo(*FLAGS)
    threads, found = run_cases(server.port)
    lingered = lingerer_ends_after(server.port)
    wrote = slow_reader_ends_after(server.port)
    for thread in threads:
        thread.join()
    wrong, worst = [], 0
    for case in CASES:
        took, got = found[case.name]
        if got != case.status or took is None or abs(took - case.after) > EXACT_SECONDS:
            wrong.append(f"{case.name}: {got} after {took} s, wanted {case.after} s")
        else:
            worst = max(worst, abs(took - case.after))
    for name, took, after in (("linger", lingered, LINGER), ("write", wrote, WRITE)):
        if took is None or abs(took - after) > EXACT_SECONDS:
            wrong.append(f"{name}: after {took} s, wanted {after} s")
        else:
            worst = max(worst, abs(took - after))
    expect(not wrong, "; ".join(wrong))
    return (
        f"{len(CASES) + 2} kinds of waiting, each ended as and when it should, "
        f"{worst:.3f} s off at most; linger {lingered:.2f} s, slow reader {wrote:.2f} s"
    )


def slow_but_fair(lab):
    """A peer that takes four blocks of replies in each write time-out, and one that sends five times
    what a body has to come on by, are served for much longer than the time-outs."""
    server = lab.hullo("--body-timeout", "1s", "--write-timeout", "1s")
    reader = connect(server.port, receive_bytes=16384)
    reader.setblocking(True)
    pipeline = request("/" + "a" * 4000) * SLOW_REPLIES
    sender = threading.Thread(target=send_what_can_be, args=(reader, pipeline))
    sender.start()
    poster = connect(server.port)
    poster.send(request("/", f"Content-Length: {SLOW_STEPS * 5000}", method="POST"))
    start = time.monotonic()
    received = bytearray()
    for step in range(SLOW_STEPS):
        time.sleep(0.25)
        poster.send(b"x" * 5000)
        end = len(received) + 65536
        while len(received) < end:
            piece = take(reader, end - len(received))
            took = time.monotonic() - start
            expect(piece, f"closed after {took:.1f} s, in which it took {len(received) >> 10} KiB")
            received += piece
    took = time.monotonic() - start
    slowly = len(received)
    while piece := take(reader, READ_BYTES):
        received += piece
    sender.join()
    expect(statuses(received) == [200] * SLOW_REPLIES, "not all replies came")
    poster.settimeout(5)
    expect(statuses(poster.recv(READ_BYTES)) == [200], "the body was not answered")
    reader.close()
    poster.close()
    return f"{slowly >> 10} KiB of replies taken and a body sent in {took:.1f} s, time-outs of 1 s"


SLOW_STEPS = 24
SLOW_REPLIES = 3000


def send_what_can_be(stream, block):
    try:
        stream.sendall(block)
        stream.shutdown(socket.SHUT_WR)
    except OSError:
        # It was closed: what the reader finds says when.
        pass


def take(stream, most):
    try:
        return stream.recv(most)
    except ConnectionResetError:
        return b""


TESTS = [("time-outs are exact", exact)]
