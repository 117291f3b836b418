"""Each limit, by default, by flag and by environment variable: one below it, at it and one above it."""

from harness import expect
from swarm import Peer, chunked, close_all, connect, converse, request, statuses


def head_of(length):
    """A request whose head is so many bytes."""
    bare = request("/", "F: ")
    return request("/", "F: " + "x" * (length - len(bare)))


def fields_of(count):
    """One of them is the Host."""
    return request("/", *["F: v"] * (count - 1))


def target_of(length):
    return request("/" + "a" * (length - 1))


def body_of(length):
    return request("/", method="POST", body=b"x" * length)


def chunked_body_of(length):
    return chunked("/", b"x" * (length // 3), b"x" * (length - length // 3))


# Name, the request, the status past the limit, and the limit: by default and set.
LIMITS = [
    ("max-head-bytes", head_of, 431, 16 * 1024, 1000),
    ("max-fields", fields_of, 431, 100, 7),
    ("max-target-bytes", target_of, 414, 8 * 1024, 50),
    ("max-body-bytes", body_of, 413, 1 << 20, 300),
    ("max-body-bytes", chunked_body_of, 413, 1 << 20, 300),
]


def check(server, name, request_of, refusal, limit):
    wanted = [(limit - 1, 200), (limit, 200), (limit + 1, refusal)]
    for size, status in wanted:
        peer = Peer(connect(server.port), request_of(size), half_close=True)
        converse([peer])
        got = statuses(peer.received)
        close_all([peer])
        expect(got == [status], f"--{name} {limit}: {size} of it gave {got}, wanted {status}")
    return len(wanted)


def sizes(lab):
    ways = {}
    for way in ("default", "flag", "environment"):
        options, environment = [], {}
        for name, _, _, _, value in LIMITS:
            if way == "flag" and f"--{name}" not in options:
                options += [f"--{name}", str(value)]
            if way == "environment":
                environment["HULLO_" + name.upper().replace("-", "_")] = str(value)
        server = lab.hullo(*options, environment=environment)
        ways[way] = 0
        for name, request_of, refusal, default, value in LIMITS:
            limit = default if way == "default" else value
            ways[way] += check(server, name, request_of, refusal, limit)
    return f"requests at n - 1, n, n + 1: {ways}"


ROOM = 5


def connections(lab):
    """One under the limit and at it, none is closed; one over it, the oldest is."""
    for server in (
        lab.hullo("--max-connections", str(ROOM)),
        lab.hullo(environment={"HULLO_MAX_CONNECTIONS": str(ROOM)}),
    ):
        peers = []
        for count in range(1, ROOM + 2):
            peers.append(Peer(connect(server.port), request("/")))
            converse(peers[-1:], until=lambda peer: peer.received)
            converse(peers[:-1], seconds=0.05)
            ended = [peer.ended for peer in peers]
            wanted = ["end"] * (count > ROOM) + [None] * (count - (count > ROOM))
            expect(ended == wanted, f"of {count} connections: {ended}")
            expect(statuses(peers[-1].received) == [200], f"connection {count} is not answered")
        close_all(peers)
    return f"{ROOM - 1}, {ROOM} and {ROOM + 1} connections, by flag and environment"


def times(lab):
    """The time-outs by the environment: each of them ends a peer of its own."""
    server = lab.hullo(
        environment={
            "HULLO_HEAD_TIMEOUT": "300ms",
            "HULLO_IDLE_TIMEOUT": "600ms",
            "HULLO_BODY_TIMEOUT": "900ms",
            "HULLO_WRITE_TIMEOUT": "1200ms",
        }
    )
    head = Peer(connect(server.port), b"GET /")
    idle = Peer(connect(server.port), b"")
    body = Peer(connect(server.port), request("/", "Content-Length: 5", method="POST"))
    pipeline = request("/" + "a" * 4000) * 4000
    reader = Peer(connect(server.port, receive_bytes=4096), pipeline, reads_first=False)
    peers = [head, idle, body, reader]
    converse(peers, seconds=0.75, until=lambda peer: peer is not reader and peer.ended)
    expect([peer.ended for peer in peers] == ["end", "end", None, None], "not in their order")
    converse([body, reader], seconds=1.0, until=lambda peer: peer.ended or peer.send_failed)
    got = [statuses(peer.received) for peer in peers[:3]]
    expect(got == [[408], [], [408]], f"answers {got}")
    expect(body.ended == "end" and reader.send_failed, "one was not ended")
    close_all(peers)
    return "head, idle, body and write time-outs set by the environment"


TESTS = [
    ("limits of size, default, flag, environment", sizes),
    ("limit of connections, flag, environment", connections),
    ("time-outs by the environment", times),
]
