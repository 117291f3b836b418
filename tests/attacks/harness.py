"""A hullo process, what the kernel reports about it, and the checks after every test."""

import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

# The longest linger plus a second: by then everything that a test left behind must be gone.
CALM_SECONDS_MAX = 3.5
ASLEEP_SECONDS = 2.0

# What may stay of a test's memory. The allocator keeps up to 128 KiB of what was freed, and the odd
# page more; code that runs for the first time is mapped: measured 0 to 280 KiB. The tables of connections and of
# their deadlines never shrink: 160 bytes for each of the most connections there ever were, and
# they grow by doubling.
KEPT_KIB_MAX = 384
TABLE_BYTES_PER_CONNECTION = 2 * 160


class Fault(Exception):
    """What a test found."""


def expect(condition, sentence):
    if not condition:
        raise Fault(sentence)


def raise_open_file_limit():
    """Thousands of clients live in this process, and the server inherits the limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def wait_until(condition, seconds):
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


class Hullo:
    """One server on a free port of the loopback."""

    def __init__(self, binary, *options, workers=1, host="127.0.0.1", environment=None, under=()):
        self.host = host
        self.connections_max = 0
        self._stderr = tempfile.TemporaryFile()
        command = [*under, binary, "--host", host, "--port", "0", "--workers", str(workers)]
        self._process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, **(environment or {})},
        )
        self.pid = self._process.pid
        line = self._process.stdout.readline().decode()
        if not line.startswith("listening on "):
            raise Fault(f"the server does not start: {self.said()}")
        self.port = int(line.split()[2].rsplit(":", 1)[1])
        self.baseline = None

    def _file(self, name):
        return Path(f"/proc/{self.pid}/{name}")

    def rss_kib(self):
        """Of this file, because statm's figure lags behind by pages that a core has counted."""
        for line in self._file("smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1])
        raise Fault("the kernel does not tell the server's RSS")

    def status(self):
        return self._file("status").read_text()

    def descriptors(self):
        return len(os.listdir(self._file("fd")))

    def switches(self):
        """How often any of its threads was put on a core or taken off it: 0 more is sleep."""
        count = 0
        for status in self._file("task").glob("*/status"):
            lines = status.read_text().splitlines()
            count += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
        return count

    def cpu_seconds(self):
        """Of all its threads, to the nanosecond."""
        stats = self._file("task").glob("*/schedstat")
        return sum(int(stat.read_text().split()[0]) for stat in stats) / 1e9

    def said(self):
        """The lines on its standard error so far."""
        self._stderr.seek(0)
        return self._stderr.read().decode().splitlines()

    def note_baseline(self):
        wait_until(self.is_calm, CALM_SECONDS_MAX)
        self.baseline = (self.descriptors(), self.rss_kib())

    def is_calm(self):
        """No thread has run for a moment."""
        before = self.switches()
        time.sleep(0.1)
        return self.switches() == before

    def stop(self):
        """Ends it, in peace if it can. The exit code, or None if it had to be killed."""
        self._process.terminate()
        try:
            return self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None
        finally:
            self._process.stdout.close()


class Lab:
    """The servers of one test."""

    def __init__(self, binary, warm_up):
        self.binary = binary
        self._warm_up = warm_up
        self.servers = []

    def hullo(self, *options, **kind):
        """Starts a server and notes its baseline, once every kind of thing was done once."""
        server = Hullo(self.binary, *options, **kind)
        self.servers.append(server)
        self._warm_up(server)
        server.note_baseline()
        return server

    def aftermath(self):
        """What has to hold after every test, of every server: the figures, or a Fault."""
        servers = self.servers
        start = time.monotonic()
        for server in servers:
            wanted = server.baseline[0]
            calm = wait_until(lambda: server.descriptors() == wanted, CALM_SECONDS_MAX)
            left = server.descriptors()
            expect(calm, f"{left} descriptors are open, {wanted} were before the test")
        took = time.monotonic() - start
        time.sleep(0.2)
        before = [server.switches() for server in servers]
        time.sleep(ASLEEP_SECONDS)
        wakes = sum(server.switches() for server in servers) - sum(before)
        expect(wakes == 0, f"it is not asleep: {wakes} context switches in {ASLEEP_SECONDS} s")
        grown = []
        for server in servers:
            rss = server.rss_kib()
            growth = rss - server.baseline[1]
            allowed = KEPT_KIB_MAX + server.connections_max * TABLE_BYTES_PER_CONNECTION // 1024
            expect(growth <= allowed, f"RSS is {rss} KiB, {growth} more, {allowed} allowed")
            grown.append(f"{rss} KiB ({growth:+}, allowed {allowed})")
        files = ", ".join(str(server.baseline[0]) for server in servers)
        return f"0 wake-ups; descriptors {files} as before, in {took:.1f} s; RSS {'; '.join(grown)}"

    def close(self):
        """Stops all servers: each has to end with code 0."""
        codes = [server.stop() for server in self.servers]
        expect(all(code == 0 for code in codes), f"exit codes {codes}")
