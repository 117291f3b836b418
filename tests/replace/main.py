"""Replaces hullo under load, and counts failed requests: main.py BINARY [REPLACEMENTS CHANGES]."""

import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CONNECTIONS = 20
START_SECONDS = 1.0
# Replacements are so far apart that old processes end meanwhile: each drains for a second.
PAUSE_SECONDS = (0.1, 0.6)
PATIENCE_SECONDS = 60
WORKERS_MAX = 5


class Hullo:
    """hullo as `folder/hullo`: a script that sets the number of workers, so that it can be another one for the
    next process."""

    def __init__(self, binary, folder):
        self._binary, self._path = binary, Path(folder) / "hullo"
        self._lines, self._changed = [], threading.Condition()
        self.install(2)
        self._first = subprocess.Popen(
            [self._path, "--listen", "127.0.0.1:0", "--grace", "30s"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.pid = self._first.pid
        self._pids = []
        self.url = self._first.stdout.readline().split()[2] + "/"
        threading.Thread(target=self._first.stdout.read, daemon=True).start()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._first.stderr:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()

    def _wait_for(self, pattern):
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while True:
                for line in self._lines:
                    if "not replaced" in line or "cut before" in line or "failed" in line:
                        sys.exit(f"hullo says: {line}")
                    if match := re.match(pattern, line):
                        self._lines.remove(line)
                        return match
                if not self._changed.wait(deadline - time.monotonic()):
                    sys.exit(f"hullo does not say {pattern}: {self._lines}")

    def install(self, workers):
        """The next process has so many workers."""
        new = self._path.with_suffix(".new")
        new.write_text(
            "#!/bin/bash\n"
            f"export HULLO_WORKERS={workers}\n"
            f'exec -a "$0" {self._binary} "$@"\n'
        )
        new.chmod(0o755)
        new.rename(self._path)

    def replace(self):
        os.kill(self.pid, signal.SIGUSR2)
        self.pid = int(self._wait_for(r"hullo: replaced by process (\d+):")[1])
        self._pids.append(self.pid)

    def has_workers(self, workers):
        """Whether it has so many, within a while: a thread takes its name when it first runs."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            names = Path(f"/proc/{self.pid}/task").glob("*/comm")
            names = [name.read_text().strip() for name in names]
            if sum(bool(re.fullmatch(r"hullo-\d+", name)) for name in names) == workers:
                return True
            time.sleep(0.01)
        return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends what a failure has left."""
        for pid in self._pids:
            try:
                if self._path.as_posix().encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self._first.kill()
        self._first.wait()

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while Path(f"/proc/{self.pid}").exists() and self.pid != self._first.pid:
            if time.monotonic() > deadline:
                sys.exit("hullo does not end")
            time.sleep(0.02)
        self._first.wait(PATIENCE_SECONDS)
        if self._first.returncode != 0:
            sys.exit(f"the first process ended with exit code {self._first.returncode}")


def wrk(url, keeps, seconds, _):
    close = () if keeps else ("-H", "Connection: close")
    return ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}", *close, url]


def hey(url, keeps, seconds, _):
    close = () if keeps else ("-disable-keepalive",)
    return ["hey", "-c", str(CONNECTIONS), "-z", f"{seconds}s", *close, url]


def bench(url, keeps, seconds, binary):
    close = () if keeps else ("--disable-keepalive",)
    return [binary, "bench", "-o", "hey", "-c", str(CONNECTIONS), "-z", f"{seconds}s", *close, url]


def wrk_result(text):
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    failed = sum(map(int, errors.groups())) if errors else 0
    failed += int(others[1]) if others else 0
    return int(re.search(r"(\d+) requests in", text)[1]), failed


def hey_result(text):
    statuses = dict(re.findall(r"\[(\d+)\]\s+(\d+) responses", text))
    good = int(statuses.pop("200", 0))
    failed = sum(map(int, statuses.values()))
    errors = text.partition("Error distribution:")[2]
    failed += sum(map(int, re.findall(r"^\s*\[(\d+)\]", errors, re.M)))
    return good, failed


LOADS = {"wrk": (wrk, wrk_result), "hey": (hey, hey_result), "hullo bench": (bench, hey_result)}


def play(binary, name, keeps, replacements, changes):
    """Returns how many requests were answered, and how many failed."""
    steps = ["same"] * replacements + ["other"] * changes
    random.shuffle(steps)
    with tempfile.TemporaryDirectory() as folder, Hullo(binary, folder) as hullo:
        command, result = LOADS[name]
        # It is ended by a signal when all is done: wrk and hey write their results then, and so does bench.
        load = subprocess.Popen(
            command(hullo.url, keeps, PATIENCE_SECONDS * 20, binary),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        time.sleep(START_SECONDS)
        workers = 2
        for step in steps:
            if step == "other":
                others = set(range(1, WORKERS_MAX + 1)) - {workers}
                workers = random.choice(sorted(others))
                hullo.install(workers)
            hullo.replace()
            if not hullo.has_workers(workers):
                sys.exit(f"there are not {workers} workers")
            time.sleep(random.uniform(*PAUSE_SECONDS))
        if load.poll() is not None:
            sys.exit(f"{name} has ended early: {load.communicate()}")
        load.send_signal(signal.SIGINT)
        text, _ = load.communicate(timeout=PATIENCE_SECONDS)
        hullo.end()
    return *result(text), text


def main():
    binary, replacements, changes = sys.argv[1], 4, 3
    if len(sys.argv) > 2:
        replacements, changes = map(int, sys.argv[2:4])
    migrate = Path("/proc/sys/net/ipv4/tcp_migrate_req")
    if migrate.exists() and migrate.read_text().strip() != "0":
        sys.exit("net.ipv4.tcp_migrate_req is not 0: the kernel would hide lost connections")
    print(f"{replacements} replacements and {changes} changes of the number of workers under each load")
    bad = 0
    for name in LOADS:
        for keeps in (True, False):
            answered, failed, text = play(binary, name, keeps, replacements, changes)
            kind = "keep-alive" if keeps else "a connection each"
            print(f"{name}, {kind}: {answered} requests answered, {failed} failed", flush=True)
            if failed or not answered:
                bad += 1
                print(text)
    sys.exit(bool(bad))


main()
