"""Replaces three hullos in turn behind HAProxy and nginx, under load: rolling.py BINARY SECONDS [PROXY...].

SECONDS is how long the load lasts before the replacement, and after it. There must be no error at the client,
whether it asks with GET or with POST, on persistent connections or on new ones, before, during and after."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import proxies

DRAIN_DELAY = "1s"
COUNT = 3
# Each client: requests per second, and flags.
LOADS = {
    "GET": (400, ["-c", "16"]),
    "POST": (200, ["-c", "8", "-m", "POST", "-d", "x" * 2000]),
    "GET, a connection for each": (100, ["-c", "8", "--disable-keepalive"]),
}
HEY_RATE = 10  # for each of its connections
HEY_CONNECTIONS = 10
LOAD_SECONDS_MAX = 60
START_SECONDS_MAX = 20


class Hullo:
    """One of the three. A replacement listens where its predecessor did."""

    def __init__(self, binary, folder):
        self.port, self.admin = proxies.free_port(), proxies.free_port()
        self._binary = binary
        self._errors = folder / f"hullo-{self.port}"
        self.start()

    def start(self):
        command = [self._binary, "--port", str(self.port), "--admin", f"127.0.0.1:{self.admin}"]
        with open(self._errors, "ab") as errors:
            self._process = subprocess.Popen(
                [*command, "--workers", "1", "--drain-delay", DRAIN_DELAY],
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        until = time.monotonic() + START_SECONDS_MAX
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise OSError(f"hullo does not get ready: {self._errors.read_text()}")
            time.sleep(0.02)

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=1) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def end(self):
        """Drains it. Exit code 0: it answered every request that it was sent."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30)
        if code != 0:
            raise OSError(f"hullo ended with {code}: {self._errors.read_text()}")

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


class Balancer(proxies.Proxy):
    """A proxy in front of several hullos."""

    server = ""

    def __init__(self, folder, hullos):
        servers = "".join(self.server % vars(hullo) for hullo in hullos)
        self.config = self.config.replace("%(servers)s", servers.replace("%", "%%"))
        super().__init__(folder, 0)


class Haproxy(Balancer):
    """It asks each hullo for /readyz, and stops sending to one that answers 503."""

    command = proxies.Haproxy.command
    server = "    server %(port)d 127.0.0.1:%(port)d check port %(admin)d inter 200ms fall 1 rise 1\n"
    config = proxies.Haproxy.start + """
    timeout connect 2s
    timeout check 1s
    # A connection that is refused, or closed as the request is sent: another server is asked.
    option redispatch 1
    retries 3
frontend near
    bind 127.0.0.1:%(port)d
    default_backend far
backend far
    balance roundrobin
    option httpchk
    http-check send meth GET uri /readyz
    http-check expect status 200
%(servers)s
"""

    def told(self):
        rows = proxies.haproxy_rows(self.folder / "stats")
        rows = [row for row in rows if row["pxname"] == "far" and row["svname"].isdigit()]
        downs = [int(row["chkdown"]) for row in rows]
        if downs != [1] * COUNT:
            raise ValueError(f"marked down by their health {downs} times, instead of once each")
        again = sum(int(row["wretr"]) for row in rows)
        served = {int(row["svname"]): int(row["hrsp_2xx"]) for row in rows}
        return served, f"each was marked down once by its health; {again} requests sent again"


class Nginx(Balancer):
    """It does not ask for health. A server whose connection fails is left alone for a second, and the
    request goes to the next one: a POST only if it was not sent yet, because non_idempotent is not given."""

    command = proxies.Nginx.command
    server = "        server 127.0.0.1:%(port)d max_fails=1 fail_timeout=1s;\n"
    config = proxies.Nginx.start + """
    upstream hullos {
%(servers)s
        keepalive 64;
    }
    server {
        listen 127.0.0.1:%(port)d;
        location / {
            proxy_pass http://hullos; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_next_upstream error timeout http_503;
        }
    }
}
"""

    def told(self):
        lines = (self.folder / "access.log").read_text().splitlines()
        served, again = {}, 0
        for line in lines:
            addresses = re.split("[,:] ", line.split("|")[1])
            again += len(addresses) - 1
            port = int(addresses[-1].rpartition(":")[2])
            served[port] = served.get(port, 0) + 1
        return served, f"{again} requests sent again, after a refused or a closed connection"


class Load:
    """All clients at once."""

    def __init__(self, binary, port, seconds):
        self._clients = {}
        url = f"http://127.0.0.1:{port}/rolling"
        for name, (rate, flags) in LOADS.items():
            command = [binary, "bench", "-z", f"{seconds}s", "--rate", str(rate), "--threads", "1", *flags]
            command += ["--timeout", "10s", "--expect-status", "200", "-o", "json", url]
            self._clients[name] = start(command)
        hey = ["hey", "-z", f"{seconds}s", "-q", str(HEY_RATE), "-c", str(HEY_CONNECTIONS), url]
        self._clients["hey"] = start(hey)

    def end(self, now=False):
        """Waits for the clients: requests answered, and the 99th percentiles in ms. An error is a
        ValueError."""
        if now:
            for client in self._clients.values():
                client.send_signal(signal.SIGINT)
        total, percentiles, wrong = 0, {}, []
        for name, client in self._clients.items():
            output, errors = client.communicate(timeout=LOAD_SECONDS_MAX + 20)
            if name == "hey":
                codes = re.findall(r"\[(\d+)\]\s+(\d+) responses", output)
                if "Error distribution" in output or [code for code, _ in codes] != ["200"]:
                    wrong.append(f"hey: {output[-600:]}")
                total += sum(int(count) for _, count in codes)
                continue
            report = json.loads(output) if output else {}
            failed = {kind: n for kind, n in report.get("errors", {}).items() if n and isinstance(n, int)}
            if not output or failed or set(report["statuses"]) != {"200"}:
                wrong.append(f"{name}: {failed or report.get('statuses')} {errors}")
                continue
            total += report["responses"]
            percentiles[name] = report["latency"]["percentiles_ns"]["p99"] / 1e6
        if wrong:
            raise ValueError("; ".join(wrong))
        return total, percentiles

    def kill(self):
        for client in self._clients.values():
            if client.poll() is None:
                client.kill()
                client.wait()


def start(command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def phase(name, binary, port, seconds, work=None):
    """A load of so many seconds, or as long as the work takes."""
    load = Load(binary, port, LOAD_SECONDS_MAX if work else seconds)
    try:
        if work:
            time.sleep(0.5)
            work()
            time.sleep(0.5)
        total, percentiles = load.end(now=bool(work))
    finally:
        load.kill()
    figures = ", ".join(f"{name} {p99:.1f} ms" for name, p99 in percentiles.items())
    print(f"      {name}: {total} requests, 0 failed; p99: {figures}", flush=True)
    return total


def replace(hullos):
    for hullo in hullos:
        hullo.end()
        hullo.start()
        # The balancer has to see that it is back before the next one goes.
        time.sleep(1.2)


def check(kind, binary, seconds):
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hullo-rolling-")))
        folder.chmod(0o755)
        hullos = []
        for _ in range(COUNT):
            hullos.append(Hullo(binary, folder))
            stack.callback(hullos[-1].kill)
        balancer = kind(folder, hullos)
        stack.callback(balancer.stop)
        # HAProxy believes that a server is up until its first check.
        time.sleep(0.5)
        began = time.monotonic()
        total = phase("before", binary, balancer.port, seconds)
        total += phase("during", binary, balancer.port, seconds, lambda: replace(hullos))
        served, said = balancer.told()
        total += phase("after", binary, balancer.port, seconds)
        later, _ = balancer.told()
        shares = [later.get(hullo.port, 0) - served.get(hullo.port, 0) for hullo in hullos]
        if min(shares) * 2 * COUNT < sum(shares) or not sum(shares):
            raise ValueError(f"after the replacement they answered {shares}")
        took = time.monotonic() - began
        return f"{total} requests, 0 failed, {took:.0f} s; {said}; after it each answers its share: {shares}"


def main():
    binary, seconds, names = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    failed = 0
    kinds = {"haproxy": Haproxy, "nginx": Nginx}
    for name in names or kinds:
        if not shutil.which(name):
            sys.exit(f"FAIL  {name}: it is not installed")
        try:
            print(f"ok    {name}: {check(kinds[name], binary, seconds)}", flush=True)
        except (ValueError, OSError, subprocess.SubprocessError) as error:
            failed += 1
            print(f"FAIL  {name}: {type(error).__name__}: {error}", flush=True)
    print(f"{len(names or kinds) - failed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
