"""Loads each proxy, and compares its count of requests with hullo's responses: main.py BINARY [PROXY...]."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from proxies import ALL

HERE = Path(__file__).parent
THREADS = 8
WRK_REQUESTS = {"get": 1000, "post": 250, "chunked": 250}
HEY_REQUESTS = {"GET": 4000, "POST": 1000}
HEY_CONNECTIONS = 20
COMMAND_SECONDS_MAX = 40


class Counted:
    """A hullo whose answers are counted by strace. strace is a process beside it (-D), so that the
    one started here is hullo."""

    def __init__(self, binary, folder):
        self._trace = folder / "trace"
        trace = ("strace", "-D", "-f", "--seccomp-bpf", "-qq", "-s", "16", "-o", self._trace)
        which = ("-e", "trace=sendto,accept4", "-e", "signal=none")
        self._process = subprocess.Popen(
            [*trace, *which, binary, "--port", "0", "--workers", "1"], stdout=subprocess.PIPE
        )
        line = self._process.stdout.readline().decode()
        self.port = int(line.split()[2].rsplit(":", 1)[1])

    def finish(self):
        """Stops it: how many answers it sent, how many others than 200, and how many peers came."""
        self._process.send_signal(signal.SIGTERM)
        self._process.stdout.close()
        if (code := self._process.wait(5)) != 0:
            raise OSError(f"hullo ended with {code}")
        lines = self._trace.read_text().splitlines()
        for _ in range(40):
            time.sleep(0.05)
            before, lines = lines, self._trace.read_text().splitlines()
            if len(lines) == len(before):
                break
        # The signal's handler sends one byte to itself.
        sends = [line for line in lines if "sendto(" in line and '"X", 1,' not in line]
        good = [line for line in sends if '"HTTP/1.1 200 OK' in line and " = -1 " not in line]
        peers = sum("accept4(" in line and " = -1 " not in line for line in lines)
        return len(sends), len(sends) - len(good), peers


def run(*command):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX, check=False
    )
    if done.returncode != 0:
        raise OSError(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def wrk(port, kind, count):
    """How many requests were made; each was answered right."""
    command = ["wrk", f"-t{THREADS}", f"-c{THREADS}", f"-d{COMMAND_SECONDS_MAX}s", "--timeout", "10s"]
    command += ["-s", str(HERE / "load.lua"), f"http://127.0.0.1:{port}/", "--", kind, str(count)]
    loader = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # Its threads end by themselves, but it would sleep to the end of its time.
    time.sleep(0.2)
    while loader.poll() is None and len(os.listdir(f"/proc/{loader.pid}/task")) > 1:
        time.sleep(0.02)
    loader.send_signal(signal.SIGINT)
    output = loader.communicate()[0]
    found = re.search(r"answered (\d+) wrong (\d+)", output)
    if not found or found.groups() != (str(THREADS * count), "0") or "Socket errors" in output:
        raise ValueError(f"wrk, {kind}: {output}")
    return THREADS * count


def hey(port, method, count, body):
    arguments = ("-n", str(count), "-c", str(HEY_CONNECTIONS), "-m", method)
    upload = ("-D", str(body)) if method == "POST" else ()
    output = run("hey", *arguments, *upload, f"http://127.0.0.1:{port}/hey")
    codes = re.findall(r"\[(\d+)\]\s+(\d+) responses", output)
    if codes != [("200", str(count))] or "Error distribution" in output:
        raise ValueError(f"hey, {method}: {output[-600:]}")
    return count


def load(port, folder):
    """All kinds of load: how many requests that was."""
    body = folder / "upload"
    body.write_bytes(b"x" * 50_000)
    loads = [wrk(port, kind, count) for kind, count in WRK_REQUESTS.items()]
    loads += [hey(port, method, count, body) for method, count in HEY_REQUESTS.items()]
    return sum(loads)


def check(name, binary):
    """One line of figures, or a ValueError or OSError."""
    with tempfile.TemporaryDirectory(prefix="hullo-proxies-") as scratch:
        folder = Path(scratch)
        # Some proxies drop their privileges.
        folder.chmod(0o755)
        hullo = Counted(binary, folder)
        try:
            proxy = ALL[name](folder, hullo.port)
            try:
                made = load(proxy.port, folder)
                sent, again, new = proxy.sent()
            finally:
                proxy.stop()
        finally:
            answered, odd, peers = hullo.finish()
        kept = f"{peers} connections" + (f", {new} by its count" if new is not None else "")
        figures = (
            f"clients made {made} requests, the proxy sent {sent}, hullo answered {answered}, "
            f"{odd} of them not 200, {again} sent again; {kept}"
        )
        if not made == sent == answered or odd or again or peers > made // 10:
            raise ValueError(figures)
        return figures


def main():
    binary, names = sys.argv[1], sys.argv[2:] or list(ALL)
    passed = failed = 0
    for name in names:
        if not shutil.which(name):
            print(f"skip  {name}: it is not installed", flush=True)
            continue
        start = time.monotonic()
        try:
            figures = check(name, binary)
        except (ValueError, OSError, subprocess.SubprocessError) as error:
            failed += 1
            print(f"FAIL  {name}: {type(error).__name__}: {error}", flush=True)
        else:
            passed += 1
            print(f"ok    {name} ({time.monotonic() - start:.1f} s): {figures}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
