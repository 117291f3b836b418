"""hullo bench over https. Prints a line per check; the exit code is 0 only if none failed."""

import json
import pathlib
import socket
import subprocess
import tempfile

import certificates
from checks import binary, check, finish
from servers import HAProxy, Nginx, OpenSSL, Scripted, with_tls

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
UNTIL_END = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
LARGE_BYTES = 3_000_000


class Bench:
    """A run of hullo bench: 200 requests on 10 connections unless the flags say otherwise."""

    def __init__(self, server, *flags, host="localhost", path=""):
        url = f"https://{host}:{server.port}/"
        words = [binary, "bench", "-o", "json"]
        for flag, value in (("-n", "200"), ("-c", "10"), ("-t", "5s"), ("--threads", "1")):
            words += [] if flag in flags else [flag, value]
        words += [*flags, url + path]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=30, cwd=folder)
        self.stderr = ran.stderr
        self.code = ran.returncode
        self.report = json.loads(ran.stdout) if ran.stdout else {}
        self.answers = self.report.get("responses", 0)
        errors = self.report.get("errors", {})
        self.errors = {kind: count for kind, count in errors.get("kinds", {}).items() if count}
        self.causes = errors.get("tls_causes")
        self.says = errors.get("connect_says") or ""
        tls = self.report.get("tls") or {}
        self.handshakes = tls.get("handshake", {}).get("count", 0)
        self.resumed = tls.get("resumed", 0)
        self.protocols = tls.get("protocols")

    def __str__(self):
        shown = ("code", "answers", "errors", "causes", "says", "handshakes", "resumed", "protocols", "stderr")
        return "\n".join(f"      {name}: {getattr(self, name)}" for name in shown)


def answered(name, ran, *conditions, answers=200):
    """All requests have an answer."""
    all_answered = (f"{answers} answers", ran.answers == answers)
    check(name, ran, all_answered, ("no errors", ran.errors == {}), *conditions)


def refused(name, ran, cause, kind="tls"):
    """No request has an answer, and the cause is named."""
    causes = list(ran.causes or {})
    is_named = len(causes) == 1 and cause in causes[0] if kind == "tls" else causes == []
    conditions = [("exit code 1", ran.code == 1), (f"only {kind}", list(ran.errors) == [kind])]
    check(name, ran, *conditions, (f"{cause!r} named", is_named), ("no answer", ran.answers == 0))


def good_connections(proxy, start):
    """Both versions, both ways of connections, with and without sessions."""
    for version in ("1.2", "1.3"):
        what = f"{proxy}, TLS {version}"
        with start(version, True) as server:
            ran = Bench(server, "--cacert", "ca.pem")
            names = [f"TLSv{version} " in name for name in ran.protocols or {}]
            facts = [("10 handshakes", ran.handshakes == 10), ("the version", names == [True])]
            answered(f"{what}: persistent connections", ran, *facts)
            ran = Bench(server, "--cacert", "ca.pem", "-p", "10", "--expect-status", "200")
            answered(f"{what}: 10 requests in a write", ran)
            ran = Bench(server, "--cacert", "ca.pem", "--disable-keepalive")
            # Most connections of the first round find no session yet.
            resumed = ("190 to 199 resumed", 190 <= ran.resumed < 200)
            answered(f"{what}: a resumed handshake for each request", ran, resumed)
            ran = Bench(server, "-k", "--disable-keepalive", "--tls-resumption", "off")
            full = ("none resumed", ran.resumed == 0 and ran.handshakes == 200)
            answered(f"{what}: --tls-resumption off", ran, full)
        with start(version, False) as server:
            ran = Bench(server, "-k", "--disable-keepalive")
            full = ("none resumed", ran.resumed == 0 and ran.handshakes == 200)
            answered(f"{what}: a server that resumes nothing", ran, full)


def nginx():
    good_connections("nginx", lambda version, resumes: Nginx(folder, f"TLSv{version}", resumes=resumes))
    with Nginx(folder, "TLSv1.3") as server:
        ran = Bench(server, "--cacert", "ca.pem", "--disable-keepalive")
        requests = server.requests()
        resumed = sum(words[1] == "r" for words in requests)
        counted = ("nginx counted the same", resumed == ran.resumed and len(requests) == 200)
        named = ("SNI is localhost", {words[2] for words in requests} == {"localhost"})
        connections = ("200 connections", len({words[4] for words in requests}) == 200)
        answered("nginx's log: resumed sessions, names, connections", ran, counted, named, connections)
        ran = Bench(server, "--cacert", "ca.pem", host="127.0.0.1")
        last = ("no SNI for an address", server.requests()[-1][2] == "-")
        answered("an address in the certificate", ran, last)
        ran = Bench(server, "--cacert", "ca.pem", "-n", "20", "-c", "2", path="large")
        whole = ("all bytes", ran.report.get("body_bytes") == 20 * LARGE_BYTES)
        answered("20 large responses", ran, whole, answers=20)
        ran = Bench(server, "--cacert", "ca.pem", "-n", "20", "-c", "2", "-m", "POST", "-D", "large", path="large")
        whole = ("405 or 413", set(ran.report.get("statuses", {})) <= {"405", "413"})
        check("large requests, refused in the middle", ran, whole, ("ended", ran.answers + sum(ran.errors.values()) == 20))
        refused("nginx: not trusted", Bench(server), "--cacert")
        refused("nginx: another authority", Bench(server, "--cacert", "other.pem"), "--cacert")
        refused("nginx: another name", Bench(server, "--cacert", "ca.pem", "--host", "example.org"), "another name")
        ran = Bench(server, "-k", "--host", "example.org")
        answered("-k: another name", ran, ("SNI", server.requests()[-1][2] == "example.org"))
        ran = Bench(server, "--cacert", "ca.pem", "--rate", "500")
        answered("an open model", ran)
        ran = Bench(server, "--cacert", "ca.pem", "--warmup", "200ms", "--threads", "2")
        in_warmup = ("10 in the warm-up", ran.handshakes == 0 and sum((ran.protocols or {}).values()) == 10)
        answered("handshakes of the warm-up have no time", ran, in_warmup)
    with Nginx(folder, certificate="expired") as server:
        refused("nginx: expired", Bench(server, "--cacert", "ca.pem"), "expired")
        answered("-k: expired", Bench(server, "-k"))
    with Nginx(folder, more="ssl_client_certificate ca.pem; ssl_verify_client optional;") as server:
        ran = Bench(server, "--cacert", "ca.pem", "--cert", "client.pem", "--key", "client.key")
        verified = {words[3] for words in server.requests()}
        answered("nginx: a client certificate", ran, ("nginx verified it", verified == {"SUCCESS"}))
    with Nginx(folder, more="ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305;", protocols="TLSv1.2") as server:
        ran = Bench(server, "--cacert", "ca.pem")
        suite = "TLSv1.2 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
        answered("the cipher suite", ran, ("named", list(ran.protocols or {}) == [suite]))


def haproxy():
    def start(version, resumes):
        tickets = "" if resumes else "no-tls-tickets"
        # Its cache of sessions is for TLS 1.2 without tickets, and cannot be turned off.
        return HAProxy(folder, f"ssl-min-ver TLSv{version} ssl-max-ver TLSv{version} {tickets}")

    for version in ("1.2", "1.3"):
        with start(version, True) as server:
            ran = Bench(server, "--cacert", "ca.pem", "--disable-keepalive")
            answered(f"HAProxy, TLS {version}: a resumed handshake for each request", ran, ("190 to 199 resumed", 190 <= ran.resumed < 200))
            ran = Bench(server, "--cacert", "ca.pem", "--disable-keepalive", "--tls-resumption", "off")
            full = ("none resumed", ran.resumed == 0 and ran.handshakes == 200)
            answered(f"HAProxy, TLS {version}: --tls-resumption off", ran, full)
            ran = Bench(server, "--cacert", "ca.pem", "-p", "10")
            answered(f"HAProxy, TLS {version}: 10 requests in a write", ran)
    with HAProxy(folder, "alpn h2,http/1.1") as server:
        answered("HAProxy: ALPN chooses http/1.1", Bench(server, "-k"))
    for version in ("1.2", "1.3"):
        verify = f"ca-file ca.pem verify required ssl-min-ver TLSv{version} ssl-max-ver TLSv{version}"
        with HAProxy(folder, verify) as server:
            # TLS 1.2 has no alert of its own for it.
            cause = "client certificate" if version == "1.3" else "alert handshake_failure"
            refused(f"HAProxy, TLS {version}: a client certificate is required", Bench(server, "-k"), cause)
            ran = Bench(server, "-k", "--cert", "client.pem", "--key", "client.key")
            answered(f"HAProxy, TLS {version}: with a client certificate", ran)
            ran = Bench(server, "-k", "--cert", "stranger.pem", "--key", "stranger.key")
            refused(f"HAProxy, TLS {version}: a client certificate of another authority", ran, "does not accept the client")


def strange_servers():
    with OpenSSL(folder, "-alpn", "h2") as server:
        refused("a server of HTTP/2 only", Bench(server, "-k", "-n", "10"), "ALPN")
    with OpenSSL(folder, "-tls1_2", "-cipher", "AES128-SHA") as server:
        refused("a server without a common cipher", Bench(server, "-k", "-n", "10"), "alert handshake_failure")
    with Scripted(lambda peer: peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) as server:
        refused("plain HTTP on the port", Bench(server, "-k", "-n", "10"), "does not speak TLS")
    with Scripted(lambda peer: peer.recv(1)) as server:
        refused("the connection ends in the handshake", Bench(server, "-k", "-n", "10"), "ended in the handshake")
    with Scripted(lambda peer: (peer.recv(1 << 14), peer.sendall(b"\x15\x03\x03\x00\x02\x02\x70"))) as server:
        refused("an alert: unrecognized_name", Bench(server, "-k", "-n", "10"), "does not know the name")
    with Scripted(lambda peer: peer.recv(1 << 14) and peer.recv(1)) as server:
        ran = Bench(server, "-k", "-n", "2", "-c", "2", "-t", "500ms")
        refused("no answer to the handshake", ran, "timeout", kind="timeout")


def ends():
    """How the data of a response ends."""
    def closing(stream):
        stream.recv(1 << 14)
        stream.sendall(UNTIL_END)
        stream.unwrap()

    def cutting(stream):
        stream.recv(1 << 14)
        stream.sendall(UNTIL_END)

    def in_pieces(stream):
        for _ in range(5):
            stream.recv(1 << 14)
            for byte in ANSWER:
                stream.sendall(bytes([byte]))

    def in_a_record(stream):
        stream.recv(1 << 14)
        # The end comes in the same packet.
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        socket.socket.sendall(stream, b"\x17\x03\x03\x00\x40half")

    with Scripted(with_tls(folder, closing)) as server:
        answered("a response that ends with close_notify", Bench(server, "-k", "-n", "10", "-c", "1"), answers=10)
    with Scripted(with_tls(folder, cutting)) as server:
        ran = Bench(server, "-k", "-n", "10", "-c", "1")
        refused("a response that ends without it is short", ran, "short", kind="short")
    with Scripted(with_tls(folder, in_a_record)) as server:
        ran = Bench(server, "-k", "-n", "2", "-c", "1")
        refused("an end in the middle of a record is seen at once", ran, "closed", kind="closed")
    with Scripted(with_tls(folder, in_pieces)) as server:
        answered("a record for each byte", Bench(server, "-k", "-n", "5", "-c", "1"), answers=5)


def arguments():
    class Nowhere:
        port = 9

    for name, flags, sentence in (
        ("--cacert without a certificate", ("--cacert", "client.key"), "no certificate in PEM"),
        ("--cacert that is missing", ("--cacert", "missing"), "--cacert: cannot read missing"),
        ("--key that is none", ("--cert", "client.pem", "--key", "ca.pem"), "--key: not a private key"),
        ("--key of another certificate", ("--cert", "client.pem", "--key", "ca.key"), "do not fit each other"),
        ("--cert without --key", ("--cert", "client.pem"), "--key"),
        ("--cacert with http", ("--cacert", "ca.pem", "http://localhost:9/"), "--cacert is for https"),
        ("--tls-resumption off with http", ("--tls-resumption", "off", "http://localhost:9/"), "off is for https"),
    ):
        urls = [flag for flag in flags if "://" in flag]
        words = [binary, "bench", *flags, *([] if urls else ["https://localhost:9/"])]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=30, cwd=folder)
        check(name, ran, ("exit code 2", ran.returncode == 2), (sentence, sentence in ran.stderr))


def prepare():
    for name in ("ca", "other"):
        certificates.authority(folder, name)
    certificates.signed(folder, "ca", "server")
    certificates.signed(folder, "ca", "expired", days=-1)
    certificates.signed(folder, "ca", "client")
    certificates.signed(folder, "other", "stranger")
    (folder / "large").write_bytes(b"x" * LARGE_BYTES)
    # A worker of nginx that is not root reads it.
    folder.chmod(0o755)


def main():
    prepare()
    for part in (nginx, haproxy, strange_servers, ends, arguments):
        part()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        main()
    finish()
