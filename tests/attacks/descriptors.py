"""More connections than descriptors: the server keeps serving, does not spin, and accepts the next
connection as soon as a descriptor is free."""

import time

from harness import Fault, expect, wait_until
from swarm import READ_BYTES, Peer, ask, close_all, connect, converse, statuses

UNDER = ("prlimit", "--nofile=64:64")
WATCHED_SECONDS = 2
CPU_SHARE_MAX = 0.02
RESUMED_SECONDS_MAX = 0.2
ROUNDS = 5
HALF, REST = b"GET /half HTT", b"P/1.1\r\nHost: a\r\n\r\n"


def within_the_limit(lab):
    """The default stays below the limit: EMFILE never happens, idle connections are evicted."""
    server = lab.hullo(under=UNDER)
    server.connections_max = 64
    idle = []
    for number in range(100):
        idle.append(connect(server.port))
        ask(server.port, f"/{number}", idle[-1])
    expect(server.descriptors() <= 64, "more descriptors than the limit")
    expect(server.said() == [], f"it said {server.said()}")
    held = server.descriptors()
    for stream in idle:
        stream.close()
    return f"100 kept-alive clients served one after the other, {held} of 64 descriptors used"


def idle_ones_make_room(lab):
    """EMFILE while other connections are idle: they are evicted, even if slowly."""
    server = lab.hullo("--max-connections", "1000", under=UNDER)
    server.connections_max = 64
    idle = []
    slowest = 0
    for number in range(70):
        idle.append(connect(server.port))
        slowest = max(slowest, ask(server.port, f"/{number}", idle[-1]))
    said = server.said()
    expect(len(said) == 1 and "os error 24" in said[0], f"it said {said}")
    for stream in idle:
        stream.close()
    return f"70 kept-alive clients served, the slowest in {slowest * 1000:.1f} ms, one line on stderr"


def all_busy(lab):
    server = lab.hullo("--max-connections", "1000", under=UNDER)
    server.connections_max = 64
    inside = fill(server, 64)
    outside = [Peer(connect(server.port), HALF) for _ in range(34)]
    converse(outside, until=lambda peer: not peer.sends)
    time.sleep(0.3)

    cpu = server.cpu_seconds()
    time.sleep(WATCHED_SECONDS)
    share = (server.cpu_seconds() - cpu) / WATCHED_SECONDS
    expect(share < CPU_SHARE_MAX, f"{share:.1%} CPU while out of descriptors")

    accepted = outside[:ROUNDS]
    delays = [resumed_after(inside.pop(), first) for first in accepted]
    outside = outside[ROUNDS:]
    typical = sorted(delays)[ROUNDS // 2]
    expect(typical <= RESUMED_SECONDS_MAX, f"accepted after {delays} s")

    # The open connections are served while others wait.
    answer(inside)
    expect(all(statuses(peer.received) == [200] for peer in inside), "an open connection was lost")
    # They are idle now: they are evicted for the waiting connections, which are all answered.
    answer(outside)
    expect(all(statuses(peer.received) == [200] for peer in outside), "a waiting connection was lost")
    said = server.said()
    expect(len(said) == 1 and "os error 24" in said[0], f"it said {said}")
    close_all(inside + accepted + outside)
    return (
        f"{share:.2%} CPU over {WATCHED_SECONDS} s out of descriptors; a free descriptor used after "
        f"{typical * 1000:.1f} ms (median of {ROUNDS}, slowest {max(delays) * 1000:.1f}); "
        f"{len(inside)} open and {len(outside)} waiting connections answered; one line on stderr"
    )


def fill(server, descriptors):
    """Busy connections, until the server has this many descriptors."""
    peers = []
    for _ in range(200):
        if server.descriptors() == descriptors:
            return [peer for peer in peers if not peer.ended]
        peers.append(Peer(connect(server.port), HALF))
        peers[-1].write()
        converse(peers[-1:], 0.02)
    raise Fault(f"it has {server.descriptors()} descriptors, not {descriptors}")


def the_last_one_is_served(lab):
    """The connection with the last descriptor keeps it, even if its request comes a round trip later: that
    no descriptor is left does not mean that another connection waits."""
    server = lab.hullo("--max-connections", "1000", under=UNDER)
    server.connections_max = 64
    busy = fill(server, 63)
    for number in range(5):
        newcomer = connect(server.port)
        time.sleep(0.05)
        try:
            ask(server.port, f"/{number}", newcomer)
        except ConnectionError as error:
            raise Fault(f"newcomer {number}, which asked after 50 ms: {error}") from error
        newcomer.close()
        wait_until(lambda: server.descriptors() == 63, 1)
    close_all(busy)
    return "5 newcomers, one after the other, had the last descriptor and were answered"


def answer(peers):
    for peer in peers:
        peer.sends = memoryview(REST)
    converse(peers, until=lambda peer: peer.received.endswith(b"/half\n"))


def resumed_after(leaver, first):
    """How long it takes the first waiting connection to be answered after another one has closed."""
    # It has begun its next request, so it is never idle and never evicted.
    first.stream.send(REST + HALF)
    time.sleep(0.05)
    expect(not has_word(first), "it was accepted although no connection had closed")
    start = time.monotonic()
    leaver.stream.close()
    converse([first], seconds=5, until=lambda peer: peer.received.endswith(b"/half\n"))
    expect(statuses(first.received) == [200], "no waiting connection was accepted")
    return time.monotonic() - start


def has_word(peer):
    try:
        peer.received += peer.stream.recv(READ_BYTES)
    except BlockingIOError:
        return False
    return True


TESTS = [
    ("64 descriptors, the default limit", within_the_limit),
    ("out of descriptors: idle ones make room", idle_ones_make_room),
    ("out of descriptors: all busy", all_busy),
    ("out of descriptors: the last one is served", the_last_one_is_served),
]
