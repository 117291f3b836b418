"""Connections beyond --max-connections: the longest-idle one is closed; if all are busy, a new one gets 503."""

import time

from harness import expect, wait_until
from swarm import READ_BYTES, Peer, answers, ask, close_all, connect, converse

ROOM = 12
# Idle times must differ by more than the resolution of deadlines, 100 ms.
BETWEEN_SECONDS = 0.12
REFUSAL_MS_MAX = 50
# The machine may have other users.
ROUNDS_MAX = 5


def has_ended(stream):
    """Whether the server has closed a connection that has nothing left to read."""
    try:
        return stream.recv(READ_BYTES) == b""
    except BlockingIOError:
        return False


def idle_connections_are_evicted(workers):
    def test(lab):
        server = lab.hullo("--max-connections", str(ROOM), workers=workers)
        admitted = []
        for number in range(ROOM):
            admitted.append(connect(server.port))
            ask(server.port, f"/{number}", admitted[-1])
            admitted[-1].setblocking(False)
            time.sleep(BETWEEN_SECONDS)
        # The oldest sends another request: now the second has been idle longest.
        ask(server.port, "/again", admitted[0])
        admitted[0].setblocking(False)
        time.sleep(BETWEEN_SECONDS)
        gone_in_order = admitted[1:] + admitted[:1]
        slowest = 0
        for number, gone in enumerate(gone_in_order):
            newcomer = connect(server.port)
            slowest = max(slowest, ask(server.port, f"/new/{number}", newcomer))
            newcomer.setblocking(False)
            admitted.append(newcomer)
            time.sleep(BETWEEN_SECONDS)
            expect(has_ended(gone), f"newcomer {number}: the longest-idle one was not closed")
            kept = gone_in_order[number + 1 :] + admitted[ROOM:]
            expect(not any(map(has_ended, kept)), f"newcomer {number}: another one was closed too")
        for stream in admitted[ROOM:]:
            ask(server.port, "/still", stream)
        expect(server.said() == [], f"it said {server.said()}")
        for stream in admitted:
            stream.close()
        return (
            f"{ROOM} newcomers served in at most {slowest * 1000:.1f} ms; "
            f"each evicted the longest-idle connection and no other"
        )

    return test


def all_busy(workers):
    def test(lab):
        server = lab.hullo("--max-connections", str(ROOM), workers=workers)
        admitted = [Peer(connect(server.port), b"GET /busy HTT") for _ in range(ROOM)]
        converse(admitted, until=lambda peer: not peer.sends)
        time.sleep(0.2)
        rounds = []
        while len(rounds) < ROUNDS_MAX and (not rounds or rounds[-1] > REFUSAL_MS_MAX):
            rounds.append(max(refused_in_ms(server) for _ in range(20)))
        expect(rounds[-1] <= REFUSAL_MS_MAX, f"slowest 503 of each round, ms: {rounds}")
        # The admitted connections are not affected.
        rest = b"P/1.1\r\nHost: a\r\n\r\n"
        for peer in admitted:
            peer.sends = memoryview(rest)
        converse(admitted, until=lambda peer: peer.received.endswith(b"/busy\n"))
        for peer in admitted:
            statuses = [status for status, _, _ in answers(peer.received)]
            expect(statuses == [200], f"a busy connection got {statuses}")
        # All are idle now: the next newcomer is served again.
        took = ask(server.port, "/room-again")
        # A separate thread writes the line.
        wait_until(server.said, 2)
        said = server.said()
        expect(len(said) == 1 and "all 12 connections are busy" in said[0], f"it said {said}")
        close_all(admitted)
        return (
            f"503 and Retry-After: 1, the slowest of 20 in {rounds[-1]:.1f} ms "
            f"(round {len(rounds)}), one line on stderr; the {ROOM} busy ones were answered, "
            f"a newcomer after them in {took * 1000:.1f} ms"
        )

    return test


def refused_in_ms(server):
    start = time.monotonic()
    peer = Peer(connect(server.port), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    converse([peer], until=lambda peer: peer.received.endswith(b"in a second.\n"))
    took = (time.monotonic() - start) * 1000
    peer.stream.close()
    (status, fields, _), *more = answers(peer.received)
    expect((status, fields.get("Retry-After"), more) == (503, "1", []), f"{peer.received!r}")
    expect(fields.get("Connection") == "close", "503 without Connection: close")
    return took


def many_refused(lab):
    """More refused connections than can get their 503 at once; each asks, reads and closes."""
    server = lab.hullo("--max-connections", "1")
    admitted = connect(server.port)
    admitted.send(b"GET /busy HTT")
    time.sleep(0.2)
    refused = [Peer(connect(server.port), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(100)]
    start = time.monotonic()
    for peer in refused:
        peer.half_close = True
    converse(refused)
    took = time.monotonic() - start
    served = sum(peer.received.startswith(b"HTTP/1.1 503 Service Unavailable\r\n") for peer in refused)
    expect(served == len(refused), f"{served} of {len(refused)} got 503")
    expect(len(server.said()) == 1, f"it said {server.said()}")
    close_all(refused)
    admitted.close()
    return f"{len(refused)} got 503 in {took:.2f} s, one line on stderr"


def refused_connections_linger(lab):
    """As many refused connections as can be answered at once stay open until their linger ends.
    Meanwhile a connection that has become idle is still evicted for a newcomer."""
    server = lab.hullo("--max-connections", "2")
    admitted = [Peer(connect(server.port), b"GET /busy HTT") for _ in range(2)]
    converse(admitted, until=lambda peer: not peer.sends)
    time.sleep(0.2)
    refused = [Peer(connect(server.port), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(8)]
    converse(refused, until=lambda peer: peer.received.endswith(b"in a second.\n"))
    for peer in admitted:
        peer.sends = memoryview(b"P/1.1\r\nHost: a\r\n\r\n")
    converse(admitted, until=lambda peer: peer.received.endswith(b"/busy\n"))
    took = ask(server.port, "/new")
    # They linger for 2 s.
    expect(took <= 0.5, f"a newcomer waited for {took:.2f} s although two connections were idle")
    close_all(admitted + refused)
    return f"a newcomer served in {took * 1000:.1f} ms"


TESTS = [
    ("connection limit: the longest-idle is evicted", idle_connections_are_evicted(1)),
    ("connection limit: the longest-idle is evicted, 2 workers", idle_connections_are_evicted(2)),
    ("connection limit: all busy", all_busy(1)),
    ("connection limit: all busy, 2 workers", all_busy(2)),
    ("connection limit: many refused", many_refused),
    ("connection limit: refused ones linger", refused_connections_linger),
]
