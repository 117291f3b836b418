"""Peers that pipeline without end: other clients must not be slowed down, and a peer that does not read
must not cost CPU time."""

import select
import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness import expect, wait_until
from honest import Honest
from swarm import ask, connect, request

SLOWER_MS_MAX = 2.0
ROUNDS = 5
# On a machine that others use too, one measurement is not a verdict.
MEASUREMENTS_MAX = 3
ROUND_SECONDS = 1.0

PIPELINED_BYTES = 64 << 20
UNREAD_KIB_MAX = 256


def flooder_beside_a_client(lab):
    server = lab.hullo()
    slower = []
    while not slower or slower[-1] > SLOWER_MS_MAX:
        expect(len(slower) < MEASUREMENTS_MAX, f"its p99 rises by {slower} ms")
        quiet, flooded = [], []
        for _ in range(ROUNDS):
            quiet.append(p99(server.port))
            flooded.append(p99_beside_flooder(server))
        before, beside = statistics.median(quiet), statistics.median(flooded)
        slower.append(round(beside - before, 2))
    return (
        f"the client's p99: quiet {before:.2f} ms, beside the flooder {beside:.2f} ms "
        f"(medians of {ROUNDS} interleaved rounds, measurement {len(slower)})"
    )


def p99(port):
    figures = Honest(port, ROUND_SECONDS, pause_ms=1).finish(at_once=False)
    expect(not figures["faults"], f"wrong: {figures['faults']}")
    return figures["p99"]


def p99_beside_flooder(server):
    script = str(Path(__file__).with_name("flooder.py"))
    flooder = subprocess.Popen([sys.executable, script, str(server.port)])
    try:
        time.sleep(0.2)
        cpu = server.cpu_seconds()
        figure = p99(server.port)
        busy = server.cpu_seconds() - cpu
        expect(flooder.poll() is None, "the flooder was closed")
        expect(busy > ROUND_SECONDS / 10, f"not a flood: the server ran for only {busy:.2f} s")
    finally:
        flooder.kill()
        flooder.wait()
    return figure


def pipelines_and_never_reads(lab):
    server = lab.hullo()
    before = server.rss_kib()
    stream = connect(server.port)
    left = memoryview(request("/never-read") * (PIPELINED_BYTES // len(request("/never-read"))))
    taken_last = time.monotonic()
    whole = len(left)
    most = 0
    # It is stopped when the kernel has taken nothing more for a second.
    while left and time.monotonic() - taken_last < 1:
        if select.select([], [stream], [], 0.1)[1]:
            left = left[stream.send(left[: 1 << 20]) :]
            taken_last = time.monotonic()
        most = max(most, server.rss_kib() - before)
    expect(left, "it has taken all 64 MiB")
    cpu = server.cpu_seconds()
    time.sleep(1)
    most = max(most, server.rss_kib() - before)
    expect(most < UNREAD_KIB_MAX, f"RSS rose by {most} KiB")
    busy = server.cpu_seconds() - cpu
    expect(busy < 0.01, f"it did not stop: {busy:.3f} s of CPU in a second")
    took = ask(server.port)
    stream.close()
    wait_until(lambda: server.descriptors() == server.baseline[0], 3)
    return (
        f"of 64 MiB the kernel took {(whole - len(left)) >> 10} KiB, then nothing; RSS {most:+} KiB "
        f"at most; another client served in {took * 1000:.1f} ms"
    )


TESTS = [
    ("a flooder beside a client", flooder_beside_a_client),
    ("64 MiB pipelined, never read", pipelines_and_never_reads),
]
