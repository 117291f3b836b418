"""The four proxies: how each is configured, started, and asked how many requests it has sent."""

import json
import re
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """A proxy in a folder of its own, on a free port, in front of `upstream`."""

    command = ()

    def __init__(self, folder, upstream):
        self.folder = folder
        self.port = free_port()
        self.spare_port = free_port()
        values = {"port": self.port, "up": upstream, "folder": folder, "spare": self.spare_port}
        (folder / "config").write_text(self.config % values)
        self._output = open(folder / "output", "wb")
        command = [word % values for word in self.command]
        self._process = subprocess.Popen(
            command, stdout=self._output, stderr=subprocess.STDOUT, cwd=folder
        )
        self._wait_until_up()

    def _wait_until_up(self):
        for _ in range(200):
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise OSError(f"it does not start: {(self.folder / 'output').read_text()[-500:]}")

    def sent(self):
        """How many requests it says it has sent upstream, how many of them again, and on how many
        connections (None: it does not say)."""
        raise NotImplementedError

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


class Nginx(Proxy):
    """Each line of its log names every upstream that was tried for one request."""

    command = ("nginx", "-p", "%(folder)s", "-c", "%(folder)s/config")
    # How each configuration begins.
    start = """
daemon off; master_process off; error_log stderr; pid nginx.pid;
events { worker_connections 1024; }
http {
    log_format sent '$upstream_status|$upstream_addr';
    access_log access.log sent;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    keepalive_requests 1000000;
"""
    config = start + """
    upstream hullo { server 127.0.0.1:%(up)d; keepalive 64; keepalive_requests 1000000; }
    server {
        listen 127.0.0.1:%(port)d;
        location / {
            proxy_pass http://hullo; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_request_buffering off;
        }
    }
}
"""

    def sent(self):
        lines = (self.folder / "access.log").read_text().splitlines()
        tries = [re.split("[,:] ?", line.partition("|")[0]) for line in lines]
        count = sum(map(len, tries))
        return count, count - len(lines), None


class Haproxy(Proxy):
    """Its statistics count the answers of each server, and the connections that were new."""

    command = ("haproxy", "-db", "-f", "%(folder)s/config")
    # How each configuration begins.
    start = """
global
    stats socket %(folder)s/stats level admin
    nbthread 1
defaults
    mode http
    timeout client 30s
    timeout server 30s
"""
    config = start + """
    timeout connect 5s
    timeout http-keep-alive 30s
    http-reuse always
frontend near
    bind 127.0.0.1:%(port)d
    default_backend far
backend far
    server hullo 127.0.0.1:%(up)d
"""

    def sent(self):
        rows = haproxy_rows(self.folder / "stats")
        row = next(row for row in rows if row["svname"] == "hullo")
        answered = sum(int(row[f"hrsp_{kind}"]) for kind in ("1xx", "2xx", "3xx", "4xx", "5xx"))
        new, again = int(row["connect"]), int(row["wretr"])
        requests = new + int(row["reuse"])
        if requests != answered:
            raise ValueError(f"haproxy: {requests} sent, {answered} answered")
        return requests, again, new


def haproxy_rows(path):
    """HAProxy's statistics, a dictionary for each line, from its socket at this path."""
    with socket.socket(socket.AF_UNIX) as stats:
        stats.connect(str(path))
        stats.sendall(b"show stat\n")
        table = b"".join(iter(lambda: stats.recv(65536), b"")).decode().splitlines()
    names = table[0].lstrip("# ").split(",")
    return [dict(zip(names, line.split(","))) for line in table[1:] if line]


class Varnish(Proxy):
    """Its counters: requests made to a backend, retries, and connections."""

    command = (
        *("varnishd", "-F", "-j", "none", "-n", "%(folder)s/varnish", "-T", "none"),
        *("-a", "127.0.0.1:%(port)d", "-f", "%(folder)s/config", "-s", "malloc,32m"),
    )
    config = """
vcl 4.1;
backend hullo { .host = "127.0.0.1"; .port = "%(up)d"; }
sub vcl_recv { return (pass); }
"""

    def sent(self):
        # Varnish updates its counters when a worker thread comes to rest.
        time.sleep(1)
        command = ["varnishstat", "-n", str(self.folder / "varnish"), "-1"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        count = {line.split()[0]: int(line.split()[1]) for line in text.splitlines() if line}
        new = count["MAIN.backend_conn"]
        # The backend's own counter is kept under its lock; MAIN.backend_req now and then loses one.
        return count["VBE.boot.hullo.req"], count.get("MAIN.backend_retry", 0), new


class Caddy(Proxy):
    """Its log has a line for every request, all of which go upstream."""

    command = ("caddy", "run", "--config", "%(folder)s/config", "--adapter", "caddyfile")
    config = """
{
    admin off
    auto_https off
}
http://:%(port)d {
    bind 127.0.0.1
    log {
        output file %(folder)s/access.log
        format json
    }
    reverse_proxy 127.0.0.1:%(up)d {
        transport http {
            keepalive_idle_conns 64
            keepalive_idle_conns_per_host 64
        }
    }
}
"""

    def sent(self):
        time.sleep(0.5)
        lines = (self.folder / "access.log").read_text().splitlines()
        bad = [entry for entry in map(json.loads, lines) if entry["status"] != 200]
        return len(lines), len(bad), None


ALL = {"nginx": Nginx, "haproxy": Haproxy, "varnishd": Varnish, "caddy": Caddy}
