"""A lossy, slow link: two network namespaces joined by a veth pair, with the server in one and its
clients in the other."""

import ctypes
import os
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager

from harness import expect
from swarm import Peer, answers, chunked, close_all, connect, converse, greeting, request

LOSS_PERCENT = 3
RATE = "8mbit"
NEAR, FAR = "10.213.77.1", "10.213.77.2"
CLONE_NEWNET = 0x40000000
SECONDS_MAX = 40


def do(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def namespaces():
    """The names of two that are joined by a bad link. They go at the end."""
    near, far = f"hullo-near-{os.getpid()}", f"hullo-far-{os.getpid()}"
    inside = ("ip", "netns", "exec")
    rules = f"add rule inet bad in numgen random mod 100 < {LOSS_PERCENT} drop"
    chain = "add chain inet bad in { type filter hook input priority 0; }"
    commands = [
        ("ip", "netns", "add", near),
        ("ip", "netns", "add", far),
        ("ip", "link", "add", "near0", "netns", near, "type", "veth", "peer", "far0", "netns", far),
    ]
    for name, wire, address in ((near, "near0", NEAR), (far, "far0", FAR)):
        commands += [
            ("ip", "-n", name, "address", "add", f"{address}/24", "dev", wire),
            ("ip", "-n", name, "link", "set", "lo", "up"),
            ("ip", "-n", name, "link", "set", wire, "up"),
            (*inside, name, "tc", "qdisc", "add", "dev", wire, "root", "tbf")
            + ("rate", RATE, "burst", "16kb", "latency", "100ms"),
            (*inside, name, "nft", "add table inet bad"),
            (*inside, name, "nft", chain),
            (*inside, name, "nft", rules),
        ]
    try:
        for command in commands:
            done = do(*command)
            if done.returncode != 0:
                raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
        yield near, far
    finally:
        do("ip", "netns", "delete", near)
        do("ip", "netns", "delete", far)


def why_not():
    """A reason why this machine has no such link, or None."""
    for tool in ("ip", "tc", "nft"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    try:
        with namespaces():
            return None
    except OSError as error:
        return str(error)


def inside(namespace, work):
    """Does the work in a thread that lives in the namespace; its sockets are there."""
    outcome = []

    def live():
        try:
            with open(f"/run/netns/{namespace}", "rb") as handle:
                if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            outcome.append((work(), None))
        except Exception as error:  # noqa: BLE001: it is raised again, where the test is
            outcome.append((None, error))

    thread = threading.Thread(target=live)
    thread.start()
    thread.join()
    result, error = outcome[0]
    if error:
        raise error
    return result


CONVERSATIONS = [
    (request("/body", method="POST", body=b"x" * 100_000), [200], "/body"),
    (chunked("/chunked", *[b"y" * 7000] * 14), [200], "/chunked"),
    (b"".join(request(f"/{number}") for number in range(300)), [200] * 300, "/299"),
    (request("/" + "a" * 4000) * 25, [200] * 25, "/" + "a" * 4000),
    (request("/last") + b"GET / HTTP/1.1\n" + b"z" * 30_000, [200, 400], None),
]
PEERS = 40


def check(peer, wanted, last):
    found = answers(peer.received)
    got = [status for status, _, _ in found]
    expect(got == wanted, f"of {len(wanted)} answers {len(got)} came: {got[-3:]}, {peer.ended}")
    if last:
        expect(found[-1][2] == greeting(last), f"the last answer is {found[-1][2][:60]!r}")
    return len(found)


def lossy(lab):
    with namespaces() as (near, far):
        server = lab.hullo(host=NEAR, under=("ip", "netns", "exec", near))
        server.connections_max = PEERS

        def talk():
            kinds = [CONVERSATIONS[number % len(CONVERSATIONS)] for number in range(PEERS)]
            peers = [
                Peer(connect(server.port, host=NEAR), sends, half_close=True)
                for sends, _, _ in kinds
            ]
            converse(peers, SECONDS_MAX)
            count = sum(
                check(peer, wanted, last) for peer, (_, wanted, last) in zip(peers, kinds)
            )
            sent = sum(len(sends) for sends, _, _ in kinds)
            close_all(peers)
            return sent, count

        start = time.monotonic()
        sent, count = inside(far, talk)
        took = time.monotonic() - start
        lost = do("ip", "netns", "exec", far, "nstat", "-asz", "TcpRetransSegs").stdout.split()
        return (
            f"{LOSS_PERCENT} % loss each way, {RATE}: {PEERS} peers sent {sent >> 10} KiB and got "
            f"{count} right answers in {took:.1f} s ({lost[-2]} segments sent again by the clients)"
        )


lossy.why_not = why_not
TESTS = [("a link with loss", lossy)]
