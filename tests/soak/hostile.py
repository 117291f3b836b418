"""Repeats one kind of hostile wave until SIGTERM: hostile.py PORT WAVE SEED. Prints how many waves it made
and what went wrong."""

import random
import signal
import socket
import sys
import time

from closing import ERRORS
from memory import half_body, half_head
from storms import STATES
from swarm import Peer, answers, close_all, connect, converse, greeting, request, reset, statuses

PEERS = 60
WAVE_SECONDS_MAX = 20


class Wrong(Exception):
    """The server did something that it must not."""


def want(condition, what):
    if not condition:
        raise Wrong(what)


def resets(port, dice):
    """Resets in every state, at once or after a while."""
    for pause in (0, 0.05):
        streams = []
        for _ in range(PEERS):
            streams.append(connect(port))
            streams[-1].send(dice.choice(STATES)[1])
        time.sleep(pause)
        for stream in streams:
            reset(stream)


def errors(port, dice):
    """Bad requests with more input behind them than the server reads: each response must arrive."""
    kinds = [dice.choice(ERRORS) for _ in range(PEERS)]
    behind = b"x" * dice.randrange(1 << 20)
    peers = [
        Peer(connect(port), bad + behind, reads_first=dice.random() < 0.5) for bad, _, _ in kinds
    ]
    converse(peers, WAVE_SECONDS_MAX)
    for peer, (_, status, sentence) in zip(peers, kinds):
        found = answers(peer.received)
        want([(code, content) for code, _, content in found] == [(status, sentence)], found)
    close_all(peers)


def half_closed(port, dice):
    """Peers that end their side after whole requests, or in the middle of one."""
    counts = [dice.randrange(5) for _ in range(PEERS)]
    peers = [
        Peer(connect(port), request("/half") * count + b"GET /ha"[: dice.randrange(1, 8)], True)
        for count in counts
    ]
    converse(peers, WAVE_SECONDS_MAX)
    for peer, count in zip(peers, counts):
        got = [(status, content) for status, _, content in answers(peer.received)]
        want(got == [(200, greeting("/half"))] * count, f"{count} requests gave {got[:2]}")
    close_all(peers)


def slow_heads(port, dice):
    """Trickle heads, bodies and empty lines until the server closes the connection."""
    starts = [
        (b"GET / HTTP/1.1\r\nHost: a\r\nF: ", b"x", [408]),
        (request("/", "Content-Length: 100000", method="POST"), b"x", [408]),
        (request("/"), b"\r\n", [200]),
        (b"", b"", []),
    ]
    kinds = [dice.choice(starts) for _ in range(PEERS)]
    peers = [Peer(connect(port), first) for first, _, _ in kinds]
    for turn in range(10):
        converse(peers, 0.8)
        if all(peer.ended for peer in peers):
            break
        for peer, (_, piece, _) in zip(peers, kinds):
            # A fifth empty line is an error (400), if it comes before the time-out.
            if not peer.ended and (piece != b"\r\n" or turn < 4):
                peer.sends = memoryview(piece)
    for peer, (first, _, wanted) in zip(peers, kinds):
        want(peer.ended, f"after {first[:40]!r} it is still open")
        want(statuses(peer.received) == wanted, f"after {first[:40]!r}: {bytes(peer.received)!r}")
    close_all(peers)


def never_readers(port, dice):
    """Peers that pipeline and do not read, until the server or they have enough."""
    pipeline = request("/" + "a" * dice.randrange(1, 4000)) * 2000
    peers = [
        Peer(connect(port, receive_bytes=4096), pipeline, reads_first=False) for _ in range(10)
    ]
    converse(peers, dice.uniform(1, 5), until=lambda peer: peer.send_failed)
    close_all(peers)


def flooders(port, dice):
    """Peers that pipeline and read: all answers, in order."""
    paths = [f"/flood/{number}" for number in range(dice.randrange(1000, 5000))]
    peers = [Peer(connect(port), b"".join(map(request, paths)), True) for _ in range(4)]
    converse(peers, WAVE_SECONDS_MAX)
    for peer in peers:
        got = [content for _, _, content in answers(peer.received)]
        want(got == list(map(greeting, paths)), f"{len(got)} of {len(paths)} answers")
    close_all(peers)


def idlers(port, dice):
    """Many connections that send one request, stay idle, and close or are closed by the time-out."""
    peers = [Peer(connect(port), request("/idle")) for _ in range(1000)]
    converse(peers, WAVE_SECONDS_MAX, until=lambda peer: peer.received.endswith(b"/idle\n"))
    want(all(statuses(peer.received) == [200] for peer in peers), "a connection got no response")
    leavers = dice.randrange(len(peers))
    close_all(peers[:leavers])
    converse(peers[leavers:], WAVE_SECONDS_MAX)
    want(all(peer.ended == "end" for peer in peers[leavers:]), "an idle connection was not closed")
    close_all(peers[leavers:])


def floods(port, dice):
    """Thousands of long unfinished heads, or heads of unfinished bodies, dropped all at once."""
    sends = dice.choice([half_head(15_000), half_body(12_000), half_head(1_000), b"G"])
    peers = [Peer(connect(port), sends) for _ in range(1500)]
    converse(peers, WAVE_SECONDS_MAX, until=lambda peer: not peer.sends)
    close_all(peers)


def urgent(port, dice):
    """Requests with a byte of urgent data in them: each is answered."""
    peers = []
    for _ in range(PEERS):
        whole = request("/urgent")
        cut = dice.randrange(1, len(whole))
        stream = connect(port)
        stream.send(whole[:cut], socket.MSG_OOB)
        peers.append(Peer(stream, whole[cut:], half_close=True))
    converse(peers, WAVE_SECONDS_MAX)
    want(all(statuses(peer.received) == [200] for peer in peers), "urgent data got no answer")
    close_all(peers)


WAVES = [
    resets, errors, half_closed, slow_heads, never_readers, flooders, idlers, floods, urgent
]


def main():
    port, wave, seed = int(sys.argv[1]), globals()[sys.argv[2]], int(sys.argv[3])
    dice = random.Random(seed)
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    waves, faults = 0, []
    while running:
        try:
            wave(port, dice)
        except (Wrong, OSError, ValueError) as error:
            faults.append(f"{type(error).__name__}: {str(error)[:300]}")
        waves += 1
        # Room for the others: the cores are few.
        time.sleep(0.2)
    print(waves, len(faults), *faults[:2])


if __name__ == "__main__":
    main()
