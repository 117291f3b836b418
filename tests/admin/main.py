"""Checks the admin listener of hullo serve. See run."""

import contextlib
import ctypes
import http.client
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import jsonschema
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = sys.argv[1]
# Nothing here takes as long as this: a step that waits so long has found a fault.
PATIENCE = 20
OPENMETRICS = "application/openmetrics-text"


class Server:
    """hullo serve with an admin listener, on free ports."""

    def __init__(self, *flags):
        command = [BINARY, "--port", "0", "--workers", "2", "--admin", "localhost:0", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lines = [self.process.stdout.readline(), self.process.stdout.readline()]
        found = [re.search(r"on (http://127\.0\.0\.1:(\d+))", line) for line in lines]
        assert all(found), lines
        self.url, self.admin = (match.group(1) for match in found)
        self.port, self.admin_port = (int(match.group(2)) for match in found)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ask(self, path, **fields):
        """The status, the fields and the content of an answer of the admin listener."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in fields.items()})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()

    def samples(self):
        """The metrics, by name and labels."""
        families = parse_prometheus(self.ask("/metrics")[2])
        return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}

    def sum(self, name, **labels):
        wanted = set(labels.items())
        return sum(value for (other, own), value in self.samples().items() if other == name and wanted <= set(own))

    def talk(self, text):
        """Sends a request to the main server and reads until the end."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as stream:
            stream.sendall(text.encode())
            stream.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: stream.recv(65536), b"")).decode()


def wait_until(is_so, what):
    start = time.monotonic()
    while not is_so():
        assert time.monotonic() - start < PATIENCE, what
        time.sleep(0.02)


def load(server, count):
    command = [BINARY, "bench", "-n", str(count), "-c", "10", server.url + "/a"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=60)


def check_metrics(server):
    load(server, 1000)
    for _ in range(3):
        assert " 400 " in server.talk("GET / HTTP/1.1\r\n\r\n")
    assert " 200 " in server.talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    # Numbers are published at the end of a turn, after the answer.
    wait_until(lambda: server.sum("hullo_connections_open") == 0, "connections are still open")
    assert server.sum("hullo_requests_total", code="200") == 1001, server.samples()
    assert server.sum("hullo_requests_total") == server.sum("hullo_worker_requests_total") == 1004
    assert server.sum("hullo_refusals_total") == server.sum("hullo_refusals_total", reason="host_missing", code="400") == 3
    accepted = server.sum("hullo_connections_accepted_total")
    assert accepted == server.sum("hullo_connections_closed_total") >= 14
    assert server.sum("hullo_connections_closed_total", reason="refused") == 3
    assert server.sum("hullo_connections_closed_total", reason="peer_asked") == 1
    assert server.sum("hullo_request_duration_seconds_count") == 1004
    assert server.sum("hullo_request_duration_seconds_bucket", le="+Inf") == 1004
    assert 0 < server.sum("hullo_request_duration_seconds_sum") < 1004 * 0.1
    assert server.sum("hullo_received_bytes_total") > 20_000 and server.sum("hullo_sent_bytes_total") > 100_000
    assert 0 < server.sum("hullo_worker_busy_seconds_total") < PATIENCE and server.sum("hullo_worker_wakeups_total") > 10
    assert server.sum("hullo_ready") == 1 and server.samples()["hullo_access_log_dropped_lines_total", ()] == 0
    assert 0 < server.sum("process_cpu_seconds_total") < PATIENCE
    assert 1e6 < server.sum("process_resident_memory_bytes") < 1e9
    assert 5 < server.sum("process_open_fds") < server.sum("process_max_fds")
    assert abs(server.sum("process_start_time_seconds") - time.time()) < 3600
    return "1004 requests, 3 refusals, and their connections were counted"


def check_formats(server):
    status, fields, prometheus = server.ask("/metrics", Accept="text/plain")
    assert status == 200 and fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", fields
    status, fields, openmetrics = server.ask("/metrics", Accept=OPENMETRICS + "; version=1.0.0")
    assert status == 200 and fields["Content-Type"].startswith(OPENMETRICS + "; version=1.0.0"), fields
    assert openmetrics.endswith("# EOF\n") and fields["Vary"] == "Accept"
    names = lambda families: {s.name for f in families for s in f.samples}
    one, other = names(parse_prometheus(prometheus)), names(parse_openmetrics(openmetrics))
    assert one == other and len(one) > 20, one ^ other
    assert all(f.documentation and f.type != "unknown" for f in parse_openmetrics(openmetrics))
    checked = subprocess.run(["promtool", "check", "metrics"], input=prometheus, capture_output=True, text=True)
    assert checked.returncode == 0 and not checked.stderr, checked.stderr + checked.stdout
    return f"{len(one)} names, the same in both formats; promtool has nothing to say"


def check_json(server):
    status, fields, text = server.ask("/status.json")
    assert status == 200 and fields["Content-Type"] == "application/json" and fields["Cache-Control"] == "no-store"
    status, _, schema = server.ask("/status.schema.json")
    assert status == 200 and schema == (ROOT / "src/serve/admin/status.schema.json").read_text()
    schema, record = json.loads(schema), json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(record, schema)
    damaged = dict(record, ready="yes")
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(damaged)), "the schema accepts anything"
    assert record["requests"]["total"] == sum(worker["requests"] for worker in record["workers"])
    assert record["addresses"] == [server.url] and record["pid"] == server.process.pid
    return f"{len(record)} keys, as the schema says"


def check_paths(server):
    for path, status in [("/healthz", 200), ("/readyz", 200), ("/", 200), ("/nothing", 404)]:
        assert server.ask(path)[0] == status, path
    _, fields, style = server.ask("/status.css")
    assert server.ask("/status.css", If_None_Match=fields["ETag"])[0] == 304
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=PATIENCE)
    with contextlib.closing(connection):
        for method, path, status in [("POST", "/metrics", 405), ("HEAD", "/", 200), ("OPTIONS", "/", 204)]:
            connection.request(method, path)
            response = connection.getresponse()
            assert response.status == status and not response.read(), (method, path)
    return "healthy, ready, and nothing else"


def check_busy(server):
    """A busy worker is seen to be busy, and an idle one is not."""
    before, start = server.sum("hullo_worker_busy_seconds_total"), time.monotonic()
    time.sleep(1)
    idle = (server.sum("hullo_worker_busy_seconds_total") - before) / (time.monotonic() - start)
    bench = subprocess.Popen(
        [BINARY, "bench", "-z", "2s", "-c", "20", server.url + "/a"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(0.5)
        before, start = server.sum("hullo_worker_busy_seconds_total"), time.monotonic()
        time.sleep(1)
        busy = (server.sum("hullo_worker_busy_seconds_total") - before) / (time.monotonic() - start)
    finally:
        bench.wait(timeout=60)
    assert idle < 0.05 and 10 * idle < busy <= 2.1 and busy > 0.1, (idle, busy)
    return f"{idle:.4f} busy seconds per second without load, {busy:.2f} with"


def check_stopped_worker(server):
    """A thread that ptrace(2) has stopped is noticed, and the others are not blamed."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    seize, interrupt, detach, wall = 0x4206, 0x4207, 17, 0x40000000
    threads = pathlib.Path(f"/proc/{server.process.pid}/task").iterdir()
    thread = next(int(t.name) for t in threads if (t / "comm").read_text() == "hullo-1\n")
    if libc.ptrace(seize, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace: it needs root, or kernel.yama.ptrace_scope = 0")
    try:
        assert libc.ptrace(interrupt, thread, None, None) == 0
        os.waitpid(thread, wall)
        start = time.monotonic()
        status, _, text = server.ask("/healthz")
        took = time.monotonic() - start
        assert status == 503 and text == "worker 1 has not moved for 2s\n" and took >= 2, (status, text, took)
        assert server.ask("/metrics")[0] == 200 and server.ask("/")[0] == 200
    finally:
        libc.ptrace(detach, thread, None, None)
    assert server.ask("/healthz")[::2] == (200, "ok\n")
    return f"after {took:.1f} s: {text.strip()}"


def check_drain():
    with Server("--test-endpoints", "--drain-delay", "1s") as server:
        slow = []
        asked = threading.Thread(target=lambda: slow.append(urllib.request.urlopen(server.url + "/?delay=2500ms").status))
        asked.start()
        wait_until(lambda: server.sum("hullo_connections_open") == 1, "no connection is open")
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: server.ask("/readyz")[0] == 503, "it does not say that it drains")
        # New connections are still accepted.
        assert " 200 " in server.talk("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert server.ask("/readyz")[::2] == (503, "draining\n")
        assert server.ask("/healthz")[0] == 200 and server.sum("hullo_ready") == 0
        assert "Draining" in server.ask("/")[2] and json.loads(server.ask("/status.json")[2])["ready"] is False
        time.sleep(1.2)
        # One worker has returned by now, perhaps; the listeners are closed, and this one is not.
        assert server.ask("/healthz")[0] == 200
        asked.join(PATIENCE)
        assert slow == [200] and server.process.wait(PATIENCE) == 0
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.admin_port), 1)
            raise AssertionError("the admin listener outlives the server")
    return "503 from the signal on, answers until the end"


def check_start():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = subprocess.run([BINARY, "--port", "0", "--admin", f"127.0.0.1:{port}"], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 1 and f"port {port} is taken" in run.stderr and "--admin" in run.stderr, run
    run = subprocess.run([BINARY, "--port", "0", "--admin", "9x"], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 2 and "localhost:9090" in run.stderr, run
    return "a port that is taken and a wrong address are refused"


def check_prometheus(server):
    """A real Prometheus scrapes it, and its own words are understood."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "prometheus.yml"
        config.write_text(
            "scrape_configs:\n- job_name: hullo\n  scrape_interval: 1s\n  static_configs:\n"
            f"  - targets: ['127.0.0.1:{server.admin_port}']\n"
        )
        command = [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        prometheus = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def query(text):
            with contextlib.suppress(OSError, IndexError):
                url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.request.quote(text)}"
                answer = json.load(urllib.request.urlopen(url, timeout=PATIENCE))
                return float(answer["data"]["result"][0]["value"][1])
            return None

        try:
            wait_until(lambda: query('up{job="hullo"}') == 1, "Prometheus has not scraped")
            count = query('sum(hullo_requests_total)')
            assert count == server.sum("hullo_requests_total"), count
            wait_until(lambda: query("max(rate(hullo_worker_busy_seconds_total[1m]))") is not None, "no rate")
            quantile = query("histogram_quantile(0.99, sum by (le) (hullo_request_duration_seconds_bucket))")
            assert 0 < quantile < 1, quantile
        finally:
            prometheus.terminate()
            prometheus.wait(PATIENCE)
    return f"{count:.0f} requests, 99 % of them within {quantile * 1e6:.0f} µs"


def chromium(url, *flags):
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)))
    with tempfile.TemporaryDirectory() as folder:
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}",
            "--window-size=1280,1600", "--dump-dom", *flags, url,
        ]
        return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout.decode()


def check_page(server):
    _, fields, page = server.ask("/")
    assert "default-src 'none'" in fields["Content-Security-Policy"], fields
    for part in ("Ready", "Requests per second", "Service time", "Workers", "host missing", "peer left", "200 OK"):
        assert part in page, part
    # All that it refers to is its own.
    for reference in re.findall(r'(?:href|src)="([^"]*)"', page):
        assert reference == "data:," or server.ask("/" + reference)[0] == 200, reference
    # As wide as a phone and as a desktop.
    loader = importlib.machinery.SourceFileLoader("race_page", str(ROOT / "tests/race/page"))
    race_page = importlib.util.module_from_spec(importlib.util.spec_from_loader("race_page", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(race_page)
    still = re.sub(r"<link rel=.stylesheet[^>]*>", f"<style>{server.ask('/status.css')[2]}</style>", page)
    still = re.sub(r"<script.*?</script>", "", still)
    faults = race_page.look(shutil.which("chromium"), still, race_page.SMALLEST)
    assert not faults, faults
    live = chromium(server.admin + "/", "--virtual-time-budget=3000")
    assert "The numbers are renewed every second." in live and "There is no answer" not in live, live[-800:]
    assert "reload the page" in page
    return "as wide as a phone and a desktop, live, and nothing from elsewhere"


def main():
    failed = 0
    start = time.monotonic()

    def step(check, *arguments):
        nonlocal failed
        try:
            print(f"ok    {check.__name__[6:]:15} {check(*arguments)}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL  {check.__name__[6:]:15} {type(error).__name__}: {error}", flush=True)

    with Server("--access-log", "/dev/null") as server:
        for check in (
            check_metrics, check_formats, check_json, check_paths, check_page, check_prometheus,
            check_busy, check_stopped_worker,
        ):
            step(check, server)
    step(check_drain)
    step(check_start)
    print(f"{failed} failed, {time.monotonic() - start:.0f} s")
    sys.exit(1 if failed else 0)


main()
