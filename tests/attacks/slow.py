"""slowhttptest in its four modes, with an honest client beside it, and honest peers who are slow."""

import re
import shutil
import subprocess
import tempfile
import time

from harness import expect
from honest import Honest, describe
from times import slow_but_fair

ATTACKERS = 300
SECONDS = 6
# Next to 300 slow peers no honest one waits for a time-out: this is far below the shortest.
P99_MS_MAX = 50
LONG_PATH = "/" + "a" * 4000

MODES = {
    "slow heads (-H)": ["-H", "-i", "1", "-x", "20"],
    "slow bodies (-B)": ["-B", "-i", "1", "-s", "8192", "-x", "20"],
    "ranges (-R)": ["-R", "-a", "5", "-b", "1500"],
    "slow readers (-X)": ["-X", "-k", "10", "-n", "1", "-w", "512", "-y", "1024", "-z", "64"],
}


def attack(arguments, path):
    def test(lab):
        server = lab.hullo(
            *("--head-timeout", "3s", "--body-timeout", "3s"),
            *("--write-timeout", "3s", "--idle-timeout", "4s"),
        )
        server.connections_max = ATTACKERS + 1
        honest = Honest(server.port)
        command = ["slowhttptest", "-c", str(ATTACKERS), "-r", str(ATTACKERS), "-l", str(SECONDS)]
        url = f"http://127.0.0.1:{server.port}{path}"
        start = time.monotonic()
        with tempfile.TemporaryFile() as output:
            command += [*arguments, "-p", "2", "-u", url]
            attackers = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            held = 0
            while attackers.poll() is None:
                expect(time.monotonic() < start + SECONDS + 20, "slowhttptest does not end")
                # One of them may be the honest client's, and one is the tool's own probe.
                held = max(held, server.descriptors() - server.baseline[0] - 2)
                time.sleep(0.05)
            output.seek(0)
            said = re.sub(rb"\x1b\[[0-9;]*m", b"", output.read()).decode(errors="replace")
        took = time.monotonic() - start
        figures = honest.finish()
        expect(not figures["faults"], f"wrong: {figures['faults']}")
        expect(figures["p99"] <= P99_MS_MAX, f"p99 {figures['p99']:.1f} ms")
        # A range request is complete: it is answered at once, and its connection is not held.
        is_held = held > ATTACKERS / 2 or "-R" in arguments
        expect(is_held, f"not an attack: at most {held} connections")
        expect(figures["answers"] > 100, f"only {figures['answers']} honest answers")
        end = re.search(r"Exit status: (.+)", said)
        expect(end, f"slowhttptest did not run: {said[-300:]}")
        return f"{describe(figures)}; slowhttptest held {held}, {took:.1f} s, its end: {end[1].strip()}"

    test.why_not = lambda: None if shutil.which("slowhttptest") else "slowhttptest is not installed"
    return test


TESTS = [
    (f"slowhttptest, {mode}", attack(arguments, LONG_PATH if "-X" in arguments else "/"))
    for mode, arguments in MODES.items()
] + [("who is slow but comes on is served", slow_but_fair)]
