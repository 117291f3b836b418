"""Connections beyond --max-connections: the longest-idle one makes room; if all are busy, 503."""

import time

from harness import expect
from swarm import READ_BYTES, Peer, answers, ask, close_all, connect, converse

ROOM = 12
# Idle times are told apart by more than the 100 ms that a deadline is exact to.
BETWEEN_SECONDS = 0.12
REFUSAL_MS_MAX = 50
# The machine is not ours alone.
ROUNDS_MAX = 5


def has_ended(stream):
    """Whether the server has closed a connection from which nothing is to be read."""
    try:
        return stream.recv(READ_BYTES) == b""
    except BlockingIOError:
        return False


def idle_ones_make_room(workers):
    def test(lab):
        server = lab.hullo("--max-connections", str(ROOM), workers=workers)
        guests = []
        for number in range(ROOM):
            guests.append(connect(server.port))
            ask(server.port, f"/{number}", guests[-1])
            guests[-1].setblocking(False)
            time.sleep(BETWEEN_SECONDS)
        # The oldest comes to life once more: now the second has been idle longest.
        ask(server.port, "/again", guests[0])
        guests[0].setblocking(False)
        time.sleep(BETWEEN_SECONDS)
        gone_in_order = guests[1:] + guests[:1]
        slowest = 0
        for number, gone in enumerate(gone_in_order):
            newcomer = connect(server.port)
            slowest = max(slowest, ask(server.port, f"/new/{number}", newcomer))
            newcomer.setblocking(False)
            guests.append(newcomer)
            time.sleep(BETWEEN_SECONDS)
            expect(has_ended(gone), f"newcomer {number}: the longest-idle one was not closed")
            kept = gone_in_order[number + 1 :] + guests[ROOM:]
            expect(not any(map(has_ended, kept)), f"newcomer {number}: another one was closed too")
        for stream in guests[ROOM:]:
            ask(server.port, "/still", stream)
        expect(server.said() == [], f"it said {server.said()}")
        for stream in guests:
            stream.close()
        return (
            f"{ROOM} newcomers served in at most {slowest * 1000:.1f} ms, "
            f"each in the place of the longest-idle one, and the others kept theirs"
        )

    return test


def all_busy(workers):
    def test(lab):
        server = lab.hullo("--max-connections", str(ROOM), workers=workers)
        guests = [Peer(connect(server.port), b"GET /busy HTT") for _ in range(ROOM)]
        converse(guests, until=lambda peer: not peer.sends)
        time.sleep(0.2)
        rounds = []
        while len(rounds) < ROUNDS_MAX and (not rounds or rounds[-1] > REFUSAL_MS_MAX):
            rounds.append(max(refused_in_ms(server) for _ in range(20)))
        expect(rounds[-1] <= REFUSAL_MS_MAX, f"slowest 503 of each round, ms: {rounds}")
        # Those who are in notice nothing.
        rest = b"P/1.1\r\nHost: a\r\n\r\n"
        for guest in guests:
            guest.sends = memoryview(rest)
        converse(guests, until=lambda peer: peer.received.endswith(b"/busy\n"))
        for guest in guests:
            expect([status for status, _, _ in answers(guest.received)] == [200], "a guest lost")
        # And all are idle now: the next newcomer is served again.
        took = ask(server.port, "/room-again")
        said = server.said()
        expect(len(said) == 1 and "all 12 connections are busy" in said[0], f"it said {said}")
        close_all(guests)
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


def crowd_of_refused(lab):
    """More of them than can be told at once, who ask, read, and leave."""
    server = lab.hullo("--max-connections", "1")
    guest = connect(server.port)
    guest.send(b"GET /busy HTT")
    time.sleep(0.2)
    crowd = [Peer(connect(server.port), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(100)]
    start = time.monotonic()
    for peer in crowd:
        peer.half_close = True
    converse(crowd)
    took = time.monotonic() - start
    served = sum(peer.received.startswith(b"HTTP/1.1 503 Service Unavailable\r\n") for peer in crowd)
    expect(served == len(crowd), f"{served} of {len(crowd)} were told so")
    expect(len(server.said()) == 1, f"it said {server.said()}")
    close_all(crowd)
    guest.close()
    return f"a crowd of {len(crowd)} told so in {took:.2f} s, one line on stderr"


def refused_ones_who_stay(lab):
    """As many refused peers as can be told at once stay to the end of their linger: beside them, a
    guest that has become idle still makes room."""
    server = lab.hullo("--max-connections", "2")
    guests = [Peer(connect(server.port), b"GET /busy HTT") for _ in range(2)]
    converse(guests, until=lambda peer: not peer.sends)
    time.sleep(0.2)
    refused = [Peer(connect(server.port), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") for _ in range(8)]
    converse(refused, until=lambda peer: peer.received.endswith(b"in a second.\n"))
    for guest in guests:
        guest.sends = memoryview(b"P/1.1\r\nHost: a\r\n\r\n")
    converse(guests, until=lambda peer: peer.received.endswith(b"/busy\n"))
    took = ask(server.port, "/new")
    # They linger for 2 s.
    expect(took <= 0.5, f"a newcomer waited for {took:.2f} s although two guests were idle")
    close_all(guests + refused)
    return f"a newcomer served in {took * 1000:.1f} ms"


TESTS = [
    ("full house: the longest-idle makes room", idle_ones_make_room(1)),
    ("full house: the longest-idle makes room, 2 workers", idle_ones_make_room(2)),
    ("full house: all busy", all_busy(1)),
    ("full house: all busy, 2 workers", all_busy(2)),
    ("full house: a crowd", crowd_of_refused),
    ("full house: refused ones who stay", refused_ones_who_stay),
]
