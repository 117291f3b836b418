"""How each parser sees a conversation: the targets of the requests that it accepted, in order, and whether it
rejected what followed."""
import re
import socket
import struct
import subprocess

import h11
import httptools
import llhttp


UNKNOWN_METHOD = b"?501"


class View:
    def __init__(self, targets, refused, why="", left=False):
        self.targets, self.refused, self.why = targets, refused, why
        self.may_be_early = False  # HAProxy's: an answer may go out before its request has come to its end.
        self.left = left  # The reader has closed after a good answer: what follows it has not looked at.

    def __repr__(self):
        return f"{self.targets}{' refused: ' + str(self.why) if self.refused else ''}"


def with_h11(data):
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    connection.receive_data(b"")
    targets, target, status = [], None, 200
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                target, status = event.target, 405 if event.method == b"CONNECT" else 200
            elif isinstance(event, h11.EndOfMessage):
                targets.append(target)
                connection.send(h11.Response(status_code=status, headers=[("Content-Length", "0")]))
                connection.send(h11.EndOfMessage())
                if connection.their_state is not h11.DONE or connection.our_state is not h11.DONE:
                    return View(targets, False, left=True)
                connection.start_next_cycle()
            elif not isinstance(event, h11.Data):
                return View(targets, False)
    except h11.RemoteProtocolError as error:
        # An end in the middle of a request refuses nothing that was there.
        at_end = "peer unexpectedly closed" in str(error) or "without sending complete" in str(error)
        return View(targets, not at_end, error)


class Targets:
    """The callbacks of the two parsers that are made of llhttp."""

    def __init__(self):
        self.whole, self.target = [], bytearray()

    def on_message_begin(self):
        self.target.clear()

    def on_url(self, piece):
        self.target.extend(piece)

    def on_message_complete(self):
        self.whole.append(bytes(self.target))


class LlhttpReader(Targets, llhttp.Request):
    def __init__(self):
        llhttp.Request.__init__(self)
        Targets.__init__(self)


def with_llhttp(data):
    reader = LlhttpReader()
    try:
        reader.execute(data)
    except llhttp.Error as error:
        return View(reader.whole, True, repr(error))
    return View(reader.whole, False)


def with_httptools(data):
    events = Targets()
    targets = events.whole
    try:
        httptools.HttpRequestParser(events).feed_data(data)
    except httptools.HttpParserUpgrade:
        return View(targets, False)
    except httptools.HttpParserError as error:
        return View(targets, True, repr(error))
    return View(targets, False)


class Crate:
    """hyper and http_desync_guardian, which are asked through a pipe: see readers/src/main.rs."""

    def __init__(self, binary):
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.last = None, None

    def ask(self, data):
        if self.last[0] != data:
            self.process.stdin.write(struct.pack(">I", len(data)) + data)
            self.process.stdin.flush()
            self.last = data, self.process.stdout.readline().decode("latin-1").rstrip("\n").split("\t")
        return self.last[1]

    def with_hyper(self, data):
        end, why, targets = self.ask(data)[:3]
        targets = [bytes.fromhex(target) for target in targets.split(",")[:-1]]
        return View(targets, end == "refused", why, end == "closed")

    def with_guardian(self, data):
        """It judges the first head and nothing else: a refusal, or nothing."""
        tier, reason = self.ask(data)[3:]
        is_bad = tier in ("Ambiguous", "Severe")
        return View([], True, f"{tier} {reason}") if is_bad else None

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


GREETING = re.compile(rb"(?:.*requested: )?(.*?)\n?\Z", re.S)


def with_server(port, silence=None):
    """A server that says the target of each request in its content, seen from outside. One that takes the end
    of input for a farewell (HAProxy) is given none; after so many seconds of silence it is said to wait."""
    def view(data):
        with socket.create_connection(("127.0.0.1", port), 5) as peer:
            peer.settimeout(silence or 5)
            received = b""
            try:
                peer.sendall(data)
                if not silence:
                    peer.shutdown(socket.SHUT_WR)
                while block := peer.recv(65536):
                    received += block
            except (ConnectionError, socket.timeout):
                pass
        targets, refused, why, left = [], False, "", False
        while received:
            head, _, rest = received.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1."):
                # An answer as of HTTP/0.9 is content alone, and the last one.
                targets.append(b"?")
                break
            status = int(head[9:12])
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            size = int(length.group(1)) if length else 0
            # The answer to HEAD announces what does not come.
            content = b"" if rest.startswith(b"HTTP/1.1 ") or len(rest) < size else rest[:size]
            received = rest[len(content):]
            if status == 100:
                continue
            closes = re.search(rb"(?i)\r\nconnection: *close", head) is not None
            if status in (200, 204):
                said = GREETING.match(content)
                targets.append(said.group(1) if content and said else b"?")
                left = closes
            elif closes:
                refused, why = True, status
            else:
                targets.append(UNKNOWN_METHOD if status == 501 else b"?")
        seen = View(targets, refused, why, left)
        seen.may_be_early = silence is not None
        return seen
    return view
