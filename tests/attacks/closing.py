"""The ends of connections: peers that shut their side down first, and error responses that must arrive
although the peer has sent more than the server reads."""

from harness import expect
from swarm import Peer, answers, chunked, close_all, connect, converse, greeting, request

PEERS = 1000
BEHIND_AN_ERROR = b"x" * (1 << 20)

# A bad request, the status, and the sentence that must arrive whole.
ERRORS = [
    (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, b"A line ends in LF alone: it must end in CR LF.\n"),
    (b"GET / HTTP/1.1\r\n\r\n", 400, b"The Host field is missing.\n"),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, b"Only HTTP/1.1 and HTTP/1.0 are supported.\n"),
    (
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        414,
        b"The request target is too long.\n",
    ),
    (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n",
        413,
        b"The content of the request is too long.\n",
    ),
    (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        400,
        b"A chunk size is not one to sixteen hexadecimal digits.\n",
    ),
]


def half_closed(lab):
    server = lab.hullo()
    server.connections_max = PEERS
    conversations = [
        (request("/plain"), ["/plain"]),
        (request("/body", method="POST", body=b"x" * 50_000), ["/body"]),
        (chunked("/chunked", b"x" * 5, b"y" * 5000), ["/chunked"]),
        (request("/a") + request("/b") + request("/c"), ["/a", "/b", "/c"]),
        # Neither of these is whole: closed without an answer.
        (b"GET / HTTP/1.1\r\nHo", []),
        (request("/short", "Content-Length: 5", method="POST") + b"1234", []),
    ]
    kinds = [conversations[number % len(conversations)] for number in range(PEERS)]
    peers = [Peer(connect(server.port), sends, half_close=True) for sends, _ in kinds]
    converse(peers)
    answered = 0
    for peer, (sends, paths) in zip(peers, kinds):
        found = [(status, content) for status, _, content in answers(peer.received)]
        wanted = [(200, greeting(path)) for path in paths]
        expect(found == wanted, f"after {sends[:60]!r}: {found[:2]}")
        expect(peer.ended == "end", f"after {sends[:60]!r} it ended by {peer.ended}")
        answered += len(found)
    close_all(peers)
    return f"{PEERS} peers ended their side, {answered} whole requests answered, 0 resets"


def errors_before_unread_input(lab):
    server = lab.hullo()
    server.connections_max = PEERS
    kinds = [ERRORS[number % len(ERRORS)] for number in range(PEERS)]
    peers = [
        # Every other one reads nothing before it has sent everything, or cannot.
        Peer(connect(server.port), bad + BEHIND_AN_ERROR, reads_first=number % 2 == 0)
        for number, (bad, _, _) in enumerate(kinds)
    ]
    converse(peers)
    lost = [
        bytes(peer.received)
        for peer, (_, status, sentence) in zip(peers, kinds)
        if not peer.received.startswith(b"HTTP/1.1 %d " % status)
        or not peer.received.endswith(b"\r\n\r\n" + sentence)
    ]
    expect(not lost, f"{len(lost)} answers lost, such as {lost[:1]}")
    resets = sum(peer.send_failed for peer in peers)
    early = sum(peer.send_failed for peer in peers[1::2])
    close_all(peers)
    return (
        f"{PEERS} errors with 1 MiB behind them, 0 answers lost; "
        f"a reset stopped {resets} in sending, {early} of them before they read"
    )


TESTS = [
    ("half-closed requests are answered", half_closed),
    ("errors reach those who go on sending", errors_before_unread_input),
]
