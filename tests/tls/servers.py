"""The servers: how each is configured and started."""

import socket
import ssl
import subprocess
import threading
import time

NGINX = """
daemon off; pid nginx.pid; error_log error.log; worker_processes 1;
events { }
http {
  log_format one '$ssl_protocol $ssl_session_reused $ssl_server_name $ssl_client_verify $connection';
  access_log access.log one;
  keepalive_requests 1000000;
  ssl_session_cache %(cache)s; ssl_session_tickets %(tickets)s;
  server {
    listen 127.0.0.1:%(port)d ssl;
    ssl_protocols %(protocols)s;
    ssl_certificate %(certificate)s.pem; ssl_certificate_key %(certificate)s.key;
    %(more)s
    location / { return 200 "hello\\n"; }
    location /large { alias %(folder)s/large; }
  }
}
"""

HAPROXY = """
global
  tune.ssl.default-dh-param 2048
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
frontend all
  bind 127.0.0.1:%(port)d ssl crt %(certificate)s.pem %(bind)s
  http-request return status 200 content-type text/plain string "hello"
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A server in a process of its own, until the end of the block."""

    def __init__(self, folder, words):
        self.folder = folder
        self.output = open(folder / "output", "ab")
        self.process = subprocess.Popen(words, stdout=self.output, stderr=self.output, cwd=folder)

    def __enter__(self):
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise OSError(f"it does not start: {(self.folder / 'output').read_text()[-500:]}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()


class Nginx(Process):
    def __init__(self, folder, protocols="TLSv1.2 TLSv1.3", certificate="server", more="", resumes=True):
        self.port = free_port()
        cache, tickets = ("shared:all:1m", "on") if resumes else ("off", "off")
        values = dict(port=self.port, protocols=protocols, certificate=certificate, more=more)
        (folder / "nginx.conf").write_text(NGINX % dict(values, cache=cache, tickets=tickets, folder=folder))
        (folder / "access.log").write_bytes(b"")
        super().__init__(folder, ["nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"])

    def requests(self):
        """A list of words for each request."""
        return [line.split() for line in (self.folder / "access.log").read_text().splitlines()]


class HAProxy(Process):
    def __init__(self, folder, bind="", certificate="server"):
        self.port = free_port()
        (folder / "haproxy.cfg").write_text(HAPROXY % dict(port=self.port, bind=bind, certificate=certificate))
        super().__init__(folder, ["haproxy", "-db", "-f", "haproxy.cfg"])


class OpenSSL(Process):
    """s_server, which answers with a page about itself."""

    def __init__(self, folder, *words):
        self.port = free_port()
        address = ("-accept", f"127.0.0.1:{self.port}", "-cert", "server.pem", "-key", "server.key")
        super().__init__(folder, ["openssl", "s_server", "-quiet", "-www", *address, *words])


class Scripted:
    """A server of Python: `handle` has each connection in turn, before any TLS."""

    def __init__(self, handle):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.handle = handle
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer:
                try:
                    peer.settimeout(5)
                    self.handle(peer)
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def with_tls(folder, handle):
    """A handler of `Scripted`: the handshake, and then `handle(stream)` for each connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")

    def shake_hands(peer):
        with context.wrap_socket(peer, server_side=True, suppress_ragged_eofs=False) as stream:
            handle(stream)

    return shake_hands
