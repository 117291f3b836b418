"""A hostile environment: streams that are closed, full or blocked, few descriptors, a second server,
signals. The server keeps serving, stops on a signal, and says what is missing."""

import os
import signal
import socket
import subprocess
import time

from harness import Fault, expect, wait_until
from swarm import Peer, ask, close_all, connect, converse, request, statuses

OPEN_FILES = 64
END_SECONDS_MAX = 3
# Shared by two servers that start at once: 1,000 trials by hand.
TRIALS = int(os.environ.get("HULLO_START_TRIALS", 40))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(lab, port, *options, workers=1, files=None, ignored=(), **streams):
    """A server whose first line is not read, so that its streams can be anything."""
    under = ["env", *(f"--ignore-signal={number.name[3:]}" for number in ignored)]
    if files:
        under += ["prlimit", f"--nofile={files}:{files}"]
    command = [lab.binary, "--port", str(port), "--workers", str(workers), *options]
    return subprocess.Popen([*under, *command], **streams)


def is_up(port):
    try:
        connect(port).close()
        return True
    except OSError:
        return False


def end(process, number=signal.SIGTERM):
    """Its exit code, or None if it had to be killed."""
    process.send_signal(number)
    try:
        return process.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def full_pipe():
    """The write end of a pipe that takes no more, and the read end."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    try:
        while True:
            os.write(writes, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writes, True)
    return reads, writes


def closed_pipe():
    reads, writes = os.pipe()
    os.close(reads)
    return writes


def broken_streams(lab):
    """Out of descriptors, it has something to say: whatever becomes of that, it serves on."""
    reads, stuck = full_pipe()
    full_disk = os.open("/dev/full", os.O_WRONLY)
    closed = closed_pipe()
    streams = {"a full pipe": stuck, "a full disk": full_disk, "a closed pipe": closed}
    done = []
    for name, stream in streams.items():
        for which in ("stdout", "stderr"):
            port = free_port()
            others = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            options = ("--max-connections", "1000")
            process = start(lab, port, *options, files=OPEN_FILES, **{**others, which: stream})
            expect(wait_until(lambda: is_up(port), 5), f"{which} is {name}: it does not start")
            guests = [Peer(connect(port), b"G") for _ in range(OPEN_FILES + 6)]
            converse(guests, until=lambda peer: not peer.sends)
            time.sleep(0.2)
            alive = process.poll() is None
            close_all(guests)
            expect(alive, f"{which} is {name}: it ended with {process.poll()}")
            ask(port)
            code = end(process)
            expect(code == 0, f"{which} is {name}: SIGTERM gave {code}")
            done.append(f"{which} {name}")
    for stream in (reads, *streams.values()):
        os.close(stream)
    return f"served on and ended with 0: {', '.join(done)}"


def broken_start(lab):
    """It cannot start, and cannot say so: it ends all the same."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        reads, stuck = full_pipe()
        closed = closed_pipe()
        for stream in (stuck, closed):
            process = start(lab, port, stdout=subprocess.DEVNULL, stderr=stream)
            try:
                code = process.wait(END_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                code = None
            expect(code == 1, f"the port is taken, and it ended with {code}")
        for stream in (reads, stuck, closed):
            os.close(stream)
    return "a port that is taken: exit code 1 with a full and with a closed stderr"


def two_at_once(lab):
    both = neither = 0
    for _ in range(TRIALS):
        port = free_port()
        # Both wait for the end of a pipe, so that they start as one.
        reads, writes = os.pipe()
        command = f'read -r line <&{reads}; exec "$0" --port {port} --workers 2'
        pair = [
            subprocess.Popen(
                ["sh", "-c", command, lab.binary],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[reads],
            )
            for _ in range(2)
        ]
        os.close(reads)
        time.sleep(0.01)
        os.close(writes)
        said = sum(process.stdout.readline().startswith(b"listening") for process in pair)
        both += said == 2
        neither += said == 0
        for process in pair:
            process.kill()
            process.wait()
            process.stdout.close()
    expect(both == 0, f"both listen on one port in {both} of {TRIALS} trials")
    expect(neither == 0, f"neither of them listens in {neither} of {TRIALS} trials")
    return f"of two that start at once one has the port, and one fails: {TRIALS} trials"


def few_descriptors(lab):
    said = []
    for files in (5, 6, 8):
        process = start(
            lab, 0, files=files, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            out, error = process.communicate(timeout=5)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.communicate()
            raise Fault(f"with {files} open files it starts: {error.stdout!r}") from None
        expect(out == b"", f"with {files} open files it says {out!r}")
        expect(process.returncode == 1, f"with {files} open files: {process.returncode}")
        said.append((files, error.decode().strip()))
    port = free_port()
    least = 32
    process = start(lab, port, files=least, stdout=subprocess.DEVNULL)
    expect(wait_until(lambda: is_up(port), 5), f"with {least} open files it does not start")
    ask(port)
    expect(end(process) == 0, "it did not end in peace")
    return f"with {said[-1][0]} open files: {said[-1][1]!r}; with {least} it serves"


def signals(lab):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        port = free_port()
        process = start(lab, port, stdout=subprocess.DEVNULL)
        expect(wait_until(lambda: is_up(port), 5), "it does not start")
        code = end(process, number)
        expect(code == 0, f"{number.name} gave {code}")
    port = free_port()
    process = start(lab, port, ignored=[signal.SIGHUP], stdout=subprocess.DEVNULL)
    expect(wait_until(lambda: is_up(port), 5), "it does not start")
    # SIGUSR2 replaces the process: tests/replace.
    for number in (signal.SIGUSR1, signal.SIGHUP):
        process.send_signal(number)
        time.sleep(0.1)
        expect(process.poll() is None, f"{number.name} ended it with {process.poll()}")
        ask(port)
    expect(end(process) == 0, "it did not end in peace")
    return "TERM, INT, QUIT, HUP drain it with 0; USR1, and HUP under nohup change nothing"


def urgent_data(lab):
    """A read stops before urgent data, and what came after it must not wait for another event."""
    server = lab.hullo("--head-timeout", "5s")
    whole = request("/urgent")
    slowest = 0
    for cut in (1, 5, len(whole) - 1):
        stream = connect(server.port)
        ask(server.port, "/first", stream)
        os.kill(server.pid, signal.SIGSTOP)
        stream.send(whole[: cut - 1])
        stream.send(whole[cut - 1 : cut], socket.MSG_OOB)
        stream.send(whole[cut:])
        time.sleep(0.05)
        os.kill(server.pid, signal.SIGCONT)
        start_time = time.monotonic()
        peer = Peer(stream, b"")
        converse([peer], until=lambda peer: peer.received)
        slowest = max(slowest, time.monotonic() - start_time)
        expect(statuses(peer.received) == [200], f"cut at {cut}: {bytes(peer.received)!r}")
        stream.close()
    expect(slowest < 1, f"the answer came after {slowest:.1f} s")
    return f"answered in {slowest * 1000:.1f} ms at most, the urgent byte at its place"


TESTS = [
    ("broken streams", broken_streams),
    ("broken streams at the start", broken_start),
    ("two servers at once", two_at_once),
    ("few descriptors", few_descriptors),
    ("signals", signals),
    ("urgent data", urgent_data),
]
