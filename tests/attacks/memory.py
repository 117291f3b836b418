"""Floods of what the server has to buffer: unfinished heads, heads of unfinished bodies, responses that
are not read. The memory is bounded and released again, and honest clients are served meanwhile."""

import re
import resource
import subprocess
import time

from harness import expect, wait_until
from swarm import Peer, ask, close_all, connect, converse, request

FLOOD = 10_000
# How far RSS may stay above what it was.
KEPT_KIB_MAX = 5 * 1024
BACK_SECONDS_MAX = 10

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\n"
HEAD = b"GET /half HTTP/1.1\r\nHost: a\r\n"


def half_head(size):
    fields = b"".join(b"F%d: %s\r\n" % (number, b"x" * 900) for number in range(size // 910))
    return (HEAD + fields + b"F: " + b"x" * size)[:size]


def half_body(size):
    return half_head(size).replace(b"GET", b"PUT") + b"\r\nContent-Length: 9\r\n\r\n1234"


KINDS = {
    "16 KiB of head": half_head(15_900),
    "1 KiB of head": half_head(1_000),
    "a byte": b"G",
    "a head of 14 KiB and half a body": half_body(14_000),
}


def flood(server, sends, count, **how):
    peers = [Peer(connect(server.port), sends, **how) for _ in range(count)]
    converse(peers, until=lambda peer: not peer.sends)
    return peers


def memory_comes_back(lab):
    figures = []
    for name, sends in KINDS.items():
        server = lab.hullo("--max-buffered-bytes", "1GiB", "--head-timeout", "60s")
        server.connections_max = FLOOD
        before = server.rss_kib()
        peers = flood(server, sends, FLOOD)
        time.sleep(0.3)
        high = server.rss_kib() - before
        close_all(peers)
        is_back = wait_until(
            lambda: server.rss_kib() - before <= KEPT_KIB_MAX, BACK_SECONDS_MAX
        )
        kept = server.rss_kib() - before
        expect(is_back, f"{FLOOD} with {name}: {high} KiB, of which {kept} stay")
        figures.append(f"{name} {high} KiB, {kept} stay")
    return f"{FLOOD} connections: {'; '.join(figures)}"


def unread_replies_come_back(lab):
    server = lab.hullo()
    server.connections_max = 1000
    before = server.rss_kib()
    sends = request("/" + "a" * 4000) * 100
    peers = [
        Peer(connect(server.port, receive_bytes=4096), sends, reads_first=False)
        for _ in range(300)
    ]
    converse(peers, seconds=3, until=lambda peer: not peer.sends)
    time.sleep(1)
    high = server.rss_kib() - before
    kernel = unsent_kib(server.port)
    close_all(peers)
    expect(
        wait_until(lambda: server.rss_kib() - before <= KEPT_KIB_MAX, BACK_SECONDS_MAX),
        f"of {high} KiB {server.rss_kib() - before} stay",
    )
    return f"300 peers that do not read: {high} KiB, the kernel holds {max(kernel)} KiB for one"


def unsent_kib(port):
    """What the kernel holds for each peer of a port, of what it has not sent."""
    text = subprocess.run(
        ["ss", "-tnmH", "state", "all", "sport", "=", f":{port}"], capture_output=True, text=True
    ).stdout
    return [int(size) >> 10 for size in re.findall(r"skmem:\(.*?,w(\d+)", text)] or [0]


# The kernel takes 128 KiB more than it has sent, and a write of 64 KiB; each byte costs it two.
PINNED_KIB_MAX = 700


def never_reads(lab):
    server = lab.hullo()
    peer = Peer(connect(server.port, receive_bytes=4096), request("/" + "a" * 4000) * 5000)
    peer.reads = False
    converse([peer], seconds=2, until=lambda peer: not peer.sends)
    pinned = max(unsent_kib(server.port))
    close_all([peer])
    expect(pinned < PINNED_KIB_MAX, f"a peer that does not read pins {pinned} KiB of the kernel")
    return f"a peer that does not read pins {pinned} KiB of the kernel"


def bounded(lab):
    """A bound far below what the flood sends: RSS stays within it, and an honest client is served."""
    server = lab.hullo("--max-buffered-bytes", "16MiB", "--head-timeout", "60s")
    server.connections_max = FLOOD
    slow = Peer(connect(server.port), b"GET /slow HTTP/1.1\r\n")
    converse([slow], until=lambda peer: not peer.sends)
    before = server.rss_kib()
    peers = flood(server, half_head(15_900), FLOOD)
    took = max(ask(server.port, "/honest") for _ in range(50))
    high = server.rss_kib() - before
    expect(high < 24 * 1024, f"RSS rose by {high} KiB")
    slow.sends = memoryview(b"Host: a\r\n\r\n")
    converse([slow], until=lambda peer: peer.received)
    expect(slow.received.startswith(b"HTTP/1.1 200 "), f"the slow one got {slow.received[:60]}")
    converse(peers, seconds=5, until=lambda peer: False)
    told = sum(peer.received.startswith(REFUSAL) for peer in peers)
    expect(told > FLOOD * 0.8, f"{told} of {FLOOD} were answered 503")
    said = server.said()
    expect(len(said) == 1 and "--max-buffered-bytes" in said[0], f"it said {said}")
    close_all([slow, *peers])
    return (
        f"{FLOOD} with 16 KiB each under 16 MiB: RSS {high:+} KiB, {told} told 503, an honest one "
        f"served in {took * 1000:.1f} ms at most, a slow one with 20 bytes kept"
    )


def in_two_segments(port):
    """An honest request whose head is not whole at first. Its status."""
    whole = request("/two", "F: " + "x" * 300)
    peer = Peer(connect(port), whole[:200])
    converse([peer], until=lambda peer: not peer.sends)
    time.sleep(0.02)
    peer.sends = memoryview(whole[200:])
    converse([peer], until=lambda peer: peer.received or peer.ended)
    close_all([peer])
    return int(peer.received[9:12] or 0)


def big_ones_behind_decoys(lab):
    """Many small holders that came first do not hide the big ones, nor do honest peers go for them."""
    server = lab.hullo("--max-buffered-bytes", "1MiB", "--head-timeout", "60s")
    server.connections_max = 2000
    upload = request("/", "Content-Length: 9000", method="POST") + b"x" * 1000
    honest = flood(server, upload, 200)
    decoys = flood(server, b"G", 400)
    time.sleep(3)
    attackers = flood(server, half_head(13_000), 200)
    time.sleep(0.3)
    for peer in honest:
        peer.sends = memoryview(b"x" * 8000)
    converse(honest, until=lambda peer: peer.received)
    converse(attackers + decoys, seconds=1, until=lambda peer: False)
    served = sum(peer.received.startswith(b"HTTP/1.1 200 ") for peer in honest)
    ended = [sum(peer.received.startswith(REFUSAL) for peer in kind) for kind in (decoys, attackers)]
    expect(served == len(honest), f"{served} of {len(honest)} honest ones; ended: {ended}")
    expect(ended[1] > 100, f"of decoys and attackers were ended: {ended}")
    close_all(honest + decoys + attackers)
    return f"200 honest uploads served; of 400 decoys {ended[0]} ended, of 200 attackers {ended[1]}"


def lone_returns(lab):
    """The first half of an empty line is held as well."""
    server = lab.hullo("--max-buffered-bytes", "1MiB")
    server.connections_max = 6000
    peers = flood(server, b"\r", 5000)
    got = [in_two_segments(server.port) for _ in range(20)]
    expect(got == [200] * 20, f"honest requests in two segments got {got}")
    close_all(peers)
    return "5000 peers that have sent a CR, and 20 honest requests in two segments answered"


def memory_that_is_short_for_a_while(lab):
    """When the kernel refuses memory, and when it has some again, honest peers are served."""
    server = lab.hullo(workers=2)
    server.connections_max = 100
    size = int(re.search(r"VmSize:\s+(\d+)", server.status()).group(1)) << 10
    resource.prlimit(server.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    peers = flood(server, half_head(15_900), 60)
    time.sleep(0.3)
    resource.prlimit(
        server.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    )
    close_all(peers)
    got = [in_two_segments(server.port) for _ in range(20)]
    expect(got == [200] * 20, f"after it honest requests in two segments got {got}")
    return f"20 of 20 served after it; it said {server.said()}"


def little_memory(lab):
    """Less address space than the flood wants: it lives."""
    for space in (80, 120):
        under = ("prlimit", f"--as={space << 20}")
        server = lab.hullo("--head-timeout", "60s", under=under, workers=2)
        server.connections_max = 6000
        peers = flood(server, half_head(15_900), 6000)
        took = max(ask(server.port) for _ in range(50))
        close_all(peers)
    return f"6000 with 16 KiB each in 80 and 120 MiB of address space: served in {took * 1000:.1f} ms"


REQUESTS = 100_000
LONG = ("--max-head-bytes", "1MiB", "--max-target-bytes", "1MiB")
DEARER_MAX = 2.0


def long_limits(lab):
    """Pipelined requests cost the same, however long a head may be."""

    def microseconds(server):
        cpu = server.cpu_seconds()
        peer = Peer(connect(server.port), request("/") * REQUESTS, half_close=True)
        converse([peer], seconds=60)
        got = peer.received.count(b"HTTP/1.1 200 ")
        expect(got == REQUESTS, f"{got} of {REQUESTS} answers")
        close_all([peer])
        return (server.cpu_seconds() - cpu) / REQUESTS * 1e6

    usual, long = lab.hullo(), lab.hullo(*LONG)
    rounds = [(microseconds(usual), microseconds(long)) for _ in range(3)]
    usual_us, long_us = (min(column) for column in zip(*rounds))
    expect(
        long_us < DEARER_MAX * usual_us,
        f"a pipelined request costs {long_us:.2f} us with long heads, {usual_us:.2f} without",
    )
    # A long head that comes in pieces is linear too.
    head = HEAD + b"".join(b"F%d: %s\r\n" % (n, b"x" * 9_000) for n in range(90)) + b"\r\n"
    before = long.cpu_seconds()
    peer = Peer(connect(long.port), b"")
    for start in range(0, len(head), 2_000):
        peer.sends = memoryview(head[start : start + 2_000])
        converse([peer], until=lambda peer: not peer.sends)
    converse([peer], until=lambda peer: peer.received)
    cpu = long.cpu_seconds() - before
    expect(peer.received.startswith(b"HTTP/1.1 200 "), f"{peer.received[:80]}")
    close_all([peer])
    return (
        f"pipelined {usual_us:.2f} us, with 1 MiB of head allowed {long_us:.2f} us; a head of "
        f"{len(head) >> 10} KiB in pieces of 2 kB: {cpu * 1000:.0f} ms"
    )


TESTS = [
    ("memory comes back", memory_comes_back),
    ("memory of unread replies comes back", unread_replies_come_back),
    ("memory is bounded", bounded),
    ("memory: big ones behind decoys", big_ones_behind_decoys),
    ("memory: lone returns", lone_returns),
    ("memory is short", little_memory),
    ("memory is short for a while", memory_that_is_short_for_a_while),
    ("memory of the kernel is bounded", never_reads),
    ("long limits cost nothing", long_limits),
]
