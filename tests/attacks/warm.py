"""The warm-up of a server, before its baseline is taken."""

from swarm import Peer, chunked, close_all, connect, converse, request


def warm_up(server):
    """Sends every kind of request once, and a full block in each direction, so that the baseline includes
    the code and the blocks that a server uses anyway."""
    if server.host != "127.0.0.1":
        return
    sends = [
        request("/"),
        request("/" + "a" * 4000) * 50,
        request("/", method="POST", body=b"x" * 100_000),
        chunked("/", b"x" * 1000) * 3,
        b"GET / HTTP/1.1\n" + b"x" * 300_000,
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"F: " + b"x" * 20_000,
        b"GET /",
    ]
    # Few at once: the limit of connections may be low.
    for send in sends * 3:
        peer = Peer(connect(server.port), send, half_close=True)
        converse([peer])
        close_all([peer])
