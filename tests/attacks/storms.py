"""Many peers at once: some reset their connections in every state, ten thousand stay idle."""

import resource
import time

from harness import ASLEEP_SECONDS, expect, wait_until
from honest import Honest, describe
from swarm import Peer, ask, close_all, connect, converse, greeting, request, reset

RESETS_IN_EACH_STATE = 2000
WAVE = 400

IDLE = 10_000
IDLE_BYTES_MAX = 400
PROMPT_MS_MAX = 50
# Each address of the loopback has some 28,000 ports, and those of the last test may still rest.
SOURCES = [f"127.0.0.{number}" for number in range(2, 12)]

# What was sent before the reset comes.
STATES = [
    ("connected", b""),
    ("half a head", b"GET / HTTP/1.1\r\nHos"),
    ("an answer under way", request("/")),
    ("half a body", request("/", "Content-Length: 9", method="POST") + b"x"),
    ("half a chunk", request("/", "Transfer-Encoding: chunked", method="POST") + b"9\r\nx"),
    ("waiting for 100", request("/", "Content-Length: 9", "Expect: 100-continue", method="POST")),
    ("lingering after an error", b"GET / HTTP/1.1\n"),
    ("many answers under way", request("/" + "a" * 4000) * 60),
]


def resets(lab):
    server = lab.hullo()
    server.connections_max = WAVE
    honest = Honest(server.port)
    sent = 0
    for wave in range(RESETS_IN_EACH_STATE * len(STATES) // WAVE):
        peers = []
        for number in range(WAVE):
            peers.append(Peer(connect(server.port), STATES[number % len(STATES)][1]))
            # Every other wave is not even let in before it leaves.
            if wave % 2:
                peers[-1].write()
                reset(peers[-1].stream)
        if wave % 2 == 0:
            converse(peers, until=lambda peer: not peer.sends)
            time.sleep(0.05)
            for peer in peers:
                reset(peer.stream)
        sent += len(peers)
    figures = honest.finish()
    expect(not figures["faults"], f"wrong: {figures['faults']}")
    expect(server.said() == [], f"it said {server.said()}")
    return f"{sent} resets, in {len(STATES)} states; {describe(figures)}"


def ten_thousand_idle(lab):
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    expect(allowed >= IDLE + 100, f"only {allowed} open files: raise ulimit -n")
    server = lab.hullo("--idle-timeout", "12s")
    server.connections_max = IDLE
    before = server.rss_kib()
    start = time.monotonic()
    peers = [
        Peer(connect(server.port, source=SOURCES[number % len(SOURCES)]), request("/idle"))
        for number in range(IDLE)
    ]
    converse(peers, until=lambda peer: peer.received.endswith(greeting("/idle")))
    took = time.monotonic() - start
    expect(all(peer.received.endswith(greeting("/idle")) for peer in peers), "one is not answered")
    expect(wait_until(server.is_calm, 2), "it does not come to rest")
    each = (server.rss_kib() - before) * 1024 / IDLE
    expect(each <= IDLE_BYTES_MAX, f"{each:.0f} bytes for each")
    switches = server.switches()
    time.sleep(ASLEEP_SECONDS)
    wakes = server.switches() - switches
    expect(wakes == 0, f"{wakes} context switches in {ASLEEP_SECONDS} s with all of them idle")
    newcomer = min(ask(server.port) for _ in range(5)) * 1000
    expect(newcomer <= PROMPT_MS_MAX, f"a newcomer waits for {newcomer:.1f} ms")
    # Half of them leave, the time-out sees to the others.
    close_all(peers[::2])
    rest = peers[1::2]
    converse(rest)
    expect(all(peer.ended == "end" for peer in rest), "one was not closed by the time-out")
    close_all(rest)
    return (
        f"{IDLE} answered and idle in {took:.1f} s, {each:.0f} bytes each, 0 wake-ups in "
        f"{ASLEEP_SECONDS} s; a newcomer served in {newcomer:.2f} ms; {len(rest)} closed in time"
    )


TESTS = [
    ("resets in every state", resets),
    ("ten thousand idle connections", ten_thousand_idle),
]
