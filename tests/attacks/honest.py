"""An honest client in a process of its own: honest.py PORT SECONDS [PAUSE_MS].

Sends requests with and without bodies on persistent connections, 50 on each. Every response must be right
and arrive once. Stops after SECONDS or at SIGTERM and prints JSON: the number of responses, the faults, and
the response times in milliseconds.
"""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from swarm import chunked, connect, greeting, request

REQUESTS_PER_CONNECTION = 50
PATIENCE_SECONDS = 10


def bytes_of(number, path):
    """Kinds of requests in turn."""
    kind = number % 8
    if kind == 5:
        return request(path, method="POST", body=b"x" * 3000)
    if kind == 7:
        return chunked(path, b"y" * 10, b"z" * 2000)
    return request(path)


def read_answer(stream):
    """All that comes until an answer is whole: what follows it is part of the fault."""
    received = b""
    while True:
        piece = stream.recv(65536)
        if not piece:
            return received + b"<end>"
        received += piece
        head, end, content = received.partition(b"\r\n\r\n")
        if end and len(content) >= int(head.partition(b"Content-Length: ")[2].split()[0]):
            return received


class Client:
    def __init__(self, port, pause_seconds):
        self.port = port
        self.pause_seconds = pause_seconds
        self.stream = None
        self.millis = []
        self.faults = []

    def ask(self, number):
        if number % REQUESTS_PER_CONNECTION == 0 and self.stream:
            self.stream.close()
            self.stream = None
        path = f"/honest/{number}"
        start = time.perf_counter()
        try:
            if self.stream is None:
                self.stream = connect(self.port)
                self.stream.settimeout(PATIENCE_SECONDS)
            self.stream.sendall(bytes_of(number, path))
            answer = read_answer(self.stream)
        except OSError as error:
            answer = repr(error).encode()
        self.millis.append((time.perf_counter() - start) * 1000)
        is_right = answer.startswith(b"HTTP/1.1 200 OK\r\n")
        if not is_right or answer.partition(b"\r\n\r\n")[2] != greeting(path):
            self.faults.append(f"{path}: {answer!r}")
            self.stream = None
        time.sleep(self.pause_seconds)

    def report(self):
        ranked = sorted(self.millis)
        figures = {"answers": len(ranked) - len(self.faults), "faults": self.faults[:5]}
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1)):
            figures[name] = ranked[min(int(len(ranked) * share), len(ranked) - 1)]
        return figures


class Honest:
    """The harness's handle on such a process."""

    def __init__(self, port, seconds=600, pause_ms=2):
        command = [sys.executable, str(Path(__file__)), str(port), str(seconds), str(pause_ms)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        # It says so when the first answer was there.
        self._process.stdout.readline()

    def finish(self, at_once=True):
        """What it saw. `at_once`: not when its time is over, but now."""
        if at_once:
            self._process.send_signal(signal.SIGTERM)
        with self._process as process:
            return json.loads(process.stdout.readline())


def describe(figures):
    return "{answers} honest answers, ms: p50 {p50:.2f}, p99 {p99:.2f}, max {max:.1f}".format(
        **figures
    )


def main():
    port, seconds, pause_ms = int(sys.argv[1]), float(sys.argv[2]), float((sys.argv + ["2"])[3])
    client = Client(port, pause_ms / 1000)
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    end = time.monotonic() + seconds
    number = 0
    while running and time.monotonic() < end:
        client.ask(number)
        if number == 0:
            print("started", flush=True)
            client.millis.clear()
        number += 1
    print(json.dumps(client.report()), flush=True)


if __name__ == "__main__":
    socket.setdefaulttimeout(PATIENCE_SECONDS)
    main()
