"""hullo bench --hosts. Prints a line per check; the exit code is 0 only if none failed."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from checks import binary, check, finish, serving

SSHD = """
Port 22
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
PidFile none
SetEnv PATH={folder}/{name}/bin:{path} TMPDIR={folder}/{name}/tmp
"""

CLIENT = """
Host *
  User root
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  UserKnownHostsFile {folder}/known_hosts
  StrictHostKeyChecking yes
Host one
  HostName 198.18.1.2
Host two
  HostName 198.18.2.2
Host nowhere
  HostName 198.18.1.2
  Port 23
"""

# two's clock, as `date` tells it.
AHEAD_NS = 250_000_000
DATE = f'#!/bin/sh\necho $(($(/bin/date +%s%N) + {AHEAD_NS}))\n'


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


class Host:
    """A network namespace with sshd, at one end of a pair of links."""

    def __init__(self, folder, number, name):
        self.folder, self.name = folder / name, name
        self.address = f"198.18.{number}.2"
        for part in ("bin", "tmp"):
            (self.folder / part).mkdir(parents=True)
        inside, outside = f"in{number}", f"out{number}"
        run("ip", "netns", "add", name)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", name)
        run("ip", "address", "add", f"198.18.{number}.1/30", "dev", outside)
        run("ip", "link", "set", outside, "up")
        run("ip", "-n", name, "address", "add", f"{self.address}/30", "dev", inside)
        run("ip", "-n", name, "link", "set", inside, "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", name, "route", "add", "default", "via", f"198.18.{number}.1")
        config = self.folder / "sshd_config"
        values = {"address": self.address, "folder": folder, "name": name, "path": os.environ["PATH"]}
        config.write_text(SSHD.format(**values))
        words = ("ip", "netns", "exec", name, "/usr/sbin/sshd", "-D", "-e", "-f", str(config))
        self.log = open(self.folder / "log", "wb")
        self.daemon = subprocess.Popen(words, stderr=self.log, stdout=self.log)

    def processes(self):
        """The runs of hullo bench in the namespace. A shell may have the same words in its arguments."""
        listed = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=True)
        found = []
        for pid in map(int, listed.stdout.split()):
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--until-stdin-ends" in words:
                found.append(pid)
        return found

    def is_clean(self):
        return not self.processes() and not list((self.folder / "tmp").iterdir())

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait()
        self.log.close()


class Bench:
    def __init__(self, *flags, hosts="one,two", url="http://198.18.1.1:8080/x"):
        ssh = f"ssh -F {folder}/client_config"
        words = [binary, "bench", "--hosts", hosts, "--ssh", ssh, "--threads", "1", *flags, url]
        self.start = time.monotonic()
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait(self):
        self.out, self.err = self.process.communicate(timeout=60)
        self.took = time.monotonic() - self.start
        self.code = self.process.returncode
        return self

    def __str__(self):
        return f"code {self.code} after {self.took:.1f} s\n{self.out}\n{self.err}"

    def report(self):
        return json.loads(self.out)


def until(holds, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def running(hosts):
    return until(lambda: all(host.processes() for host in hosts))


def clean(hosts):
    return ("nothing is left on the hosts", until(lambda: all(host.is_clean() for host in hosts)))


def joined(hosts):
    ran = Bench("-n", "1000", "-c", "5", "-o", "json", "-H", "X: it's $HOME").wait()
    if ran.code:
        check("two hosts, one report", ran, ("exit code 0", False))
        return
    report = ran.report()
    starts = [each["started_unix_ms"] for each in report["runs"]]
    machines = report["generator"]["machines"]
    clocks = {each["name"]: each["clock"] for each in machines}
    off = clocks["two"]["ahead_ns"] - AHEAD_NS
    check(
        "two hosts, one report",
        ran,
        ("2 machines", report["machines"] == 2 and [each["name"] for each in machines] == ["one", "two"]),
        ("2000 answers", report["responses"] == 2000 and report["errors"]["total"] == 0),
        ("begun together", abs(starts[0] - starts[1]) < 300),
        ("verdicts of both", all(each["busy"] <= report["generator"]["busy"] for each in machines)),
        (f"two's clock: off by {off} ns", abs(off) <= clocks["two"]["within_ns"]),
        ("one's clock", clocks["one"]["ahead_ns"] + clocks["one"]["behind_ns"] <= clocks["one"]["within_ns"]),
        clean(hosts),
    )
    ran = Bench("-z", "1s", "-c", "2").wait()
    check(
        "what a person reads",
        ran,
        ("exit code 0", ran.code == 0),
        ("each machine", "  one:" in ran.out and "clock 2" in ran.out and "ahead, within" in ran.out),
        ("machines: 2", any(line.split() == ["machines:", "2"] for line in ran.out.splitlines())),
    )


def present(hosts):
    ran = Bench("-n", "100", "-o", "json", "--hosts-binary", binary, "--fail-if", "responses==200").wait()
    check("a binary that is there", ran, ("exit code 3", ran.code == 3), ("all", "it is 200" in ran.err), clean(hosts))


def one_fails(hosts):
    ran = Bench("-z", "40s")
    begun = running(hosts)
    for pid in hosts[1].processes():
        os.kill(pid, signal.SIGKILL)
    ran.wait()
    check(
        "one is killed, both end",
        ran,
        ("it ran", begun),
        ("exit code 1", ran.code == 1),
        ("it is named", "two: " in ran.err and "stopped on all hosts" in ran.err),
        (f"soon: {ran.took:.1f} s", ran.took < 30),
        clean(hosts),
    )


def interrupted(hosts):
    ran = Bench("-z", "40s", "-o", "json")
    begun = running(hosts)
    time.sleep(3)
    ran.process.send_signal(signal.SIGINT)
    ran.wait()
    answers = ran.report()["responses"] if ran.out else 0
    check(
        "Ctrl-C ends both, with a report",
        ran,
        ("it ran", begun),
        ("exit code 0", ran.code == 0),
        ("answers", answers > 0 and ran.report()["machines"] == 2),
        (f"soon: {ran.took:.1f} s", ran.took < 30),
        clean(hosts),
    )


def killed(hosts):
    ran = Bench("-z", "40s", "--hosts-binary", binary)
    begun = running(hosts)
    ran.process.kill()
    ran.wait()
    check("killed here: both end", ran, ("it ran", begun), clean(hosts))


def unreachable(hosts):
    for name, flags, more, sentence in (
        ("a host without sshd", (), {"hosts": "one,nowhere"}, "nowhere: "),
        ("an option as a host", (), {"hosts": "one,-oProxyCommand=x"}, "is not a host of ssh"),
        ("a host twice", (), {"hosts": "one,one"}, "one is given twice"),
        ("no hullo there", ("--hosts-binary", "/missing/hullo"), {}, "hullo does not run there"),
        ("a wrong URL", (), {"url": "localhost"}, "the URL has no scheme"),
        ("with --merge", ("--merge", "x"), {}, "cannot be used with"),
    ):
        ran = Bench(*flags, **more).wait()
        check(name, ran, ("an exit code", ran.code in (1, 2)), (sentence, sentence in ran.err), clean(hosts))


def prepare():
    run("ip", "link", "set", "lo", "up")
    pathlib.Path("/run/netns").mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "none", "/run/netns")
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    for key in ("host_key", "user_key"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}")
    (folder / "client_config").write_text(CLIENT.format(folder=folder))
    hosts = [Host(folder, 1, "one"), Host(folder, 2, "two")]
    date = hosts[1].folder / "bin/date"
    date.write_text(DATE)
    date.chmod(0o755)
    public = (folder / "host_key.pub").read_text().rsplit(" ", 1)[0]
    known = [f"{host.address} {public}\n" for host in hosts]
    (folder / "known_hosts").write_text("".join(known))
    return hosts


def main():
    hosts = prepare()
    try:
        with serving("--listen", "198.18.1.1:8080"):
            for part in (joined, present, one_fails, interrupted, killed, unreachable):
                part(hosts)
    finally:
        for host in hosts:
            host.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        main()
    finish()
