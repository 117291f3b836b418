"""The Debian package: installed, run by systemd, replaced under load, upgraded, removed."""

import re
import subprocess
import time
import urllib.request
from pathlib import Path

from load import unharmed
from machine import Machine

BUILD = Path(__file__).resolve().parents[2] / "deploy/debian/build"
URL = "http://127.0.0.1:8080"
# Where packages put files; and what dpkg, man-db and systemd write there for themselves.
PLACES = ["/etc", "/usr", "/var"]
OTHERS = r"/var/(lib/dpkg|cache|tmp|lib/systemd)/|/var/log/(dpkg.log|journal|wtmp|btmp)|/etc/\.pwd\.lock"
WATCHDOG_SECONDS = 2


def build(revision):
    done = subprocess.run([BUILD, revision], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{BUILD}: {done.stdout}{done.stderr}")
    return Path(done.stdout.splitlines()[-1])


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def show(machine, name):
    return machine.run("systemctl", "show", "--value", "--property", name, "hullo.service").strip()


def wait(what, condition, seconds=20):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise ValueError(f"{what}: not after {seconds} s")
        time.sleep(0.05)


def files(machine):
    """Every file where packages put theirs."""
    listed = machine.run("find", *PLACES, "-xdev").splitlines()
    return {path for path in listed if not re.match(OTHERS, path)}


def confined(machine):
    """The process has no privilege, and systemd's rules bind it."""
    status = machine.run("cat", f"/proc/{show(machine, 'MainPID')}/status")
    field = dict(re.findall(r"(?m)^(\w+):\s+(\S+)", status))
    if field["Uid"] == "0" or int(field["CapBnd"], 16) or field["NoNewPrivs"] != "1" or field["Seccomp"] != "2":
        raise ValueError(f"it is not confined: {status}")


def installed(machine, package):
    machine.run("dpkg", "-i", machine.copy(package, "hullo.deb"))
    if "You've requested: /deb" not in get(f"{URL}/deb"):
        raise ValueError("it does not answer")
    confined(machine)
    if show(machine, "StatusText") == "" or show(machine, "Type") != "notify":
        raise ValueError("it does not tell systemd how it is")
    machine.run("hullo", "--version")
    for path in ("man1/hullo.1.gz", "man1/hullo-bench.1.gz"):
        machine.run("test", "-s", f"/usr/share/man/{path}")
    machine.run("bash", "-nc", ". /usr/share/bash-completion/completions/hullo")


def reloaded(machine, said):
    """A reload replaces the process, and loses no request."""
    with unharmed(said.binary, URL, said.requests):
        for _ in range(3):
            before = show(machine, "MainPID")
            machine.run("systemctl", "reload", "hullo.service")
            wait("a new main process", lambda: show(machine, "MainPID") not in (before, "0"))
    confined(machine)


def watched(machine):
    """systemd ends a hullo whose loops do not move, and starts it anew."""
    folder = "/run/systemd/system/hullo.service.d"
    machine.run("mkdir", "-p", folder)
    drop_in = f"printf '[Service]\\nWatchdogSec={WATCHDOG_SECONDS}\\nWatchdogSignal=SIGKILL\\n' >{folder}/test.conf"
    machine.run("sh", "-c", drop_in)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "hullo.service")
    before = show(machine, "MainPID")
    # Fed, it lives longer than the watchdog's time.
    time.sleep(2 * WATCHDOG_SECONDS)
    if show(machine, "MainPID") != before:
        raise ValueError("the watchdog has ended a hullo that was well")
    machine.run("kill", "-STOP", before)
    wait("the watchdog", lambda: show(machine, "MainPID") not in (before, "0"))
    wait("the start after the watchdog", lambda: show(machine, "ActiveState") == "active")
    machine.run("rm", "-r", folder)
    machine.run("systemctl", "daemon-reload")


def activated(machine, said):
    """systemd holds the socket: also port 80, and during a restart."""
    machine.run("systemctl", "stop", "hullo.service")
    machine.run("systemctl", "enable", "--now", "hullo.socket")
    if show(machine, "ActiveState") != "inactive":
        raise ValueError("it runs already")
    if "/activated" not in get("http://127.0.0.1/activated"):
        raise ValueError("it does not answer on port 80")
    confined(machine)
    with unharmed(said.binary, "http://127.0.0.1/", said.requests):
        machine.run("systemctl", "restart", "hullo.service")


def upgraded(machine, said, package):
    machine.run("sh", "-c", "echo '# mine' >>/etc/default/hullo")
    before = show(machine, "MainPID")
    with unharmed(said.binary, "http://127.0.0.1/", said.requests):
        machine.run("dpkg", "-i", machine.copy(package, "hullo.deb"))
        wait("a new main process", lambda: show(machine, "MainPID") not in (before, "0"))
    if "# mine" not in machine.run("cat", "/etc/default/hullo"):
        raise ValueError("the upgrade has lost a setting")


class Said:
    def __init__(self, binary):
        self.binary, self.requests = binary, []


def check(binary):
    """One line of figures. An error is a ValueError."""
    first = build("1")
    size = first.stat().st_size
    lint = subprocess.run(
        ["lintian", "--fail-on", "error", "--allow-root", first], capture_output=True, text=True, check=False
    )
    if lint.returncode:
        raise ValueError(f"lintian: {lint.stdout}{lint.stderr}")
    said = Said(binary)
    with Machine() as machine:
        before = files(machine)
        installed(machine, first)
        reloaded(machine, said)
        watched(machine)
        activated(machine, said)
        upgraded(machine, said, build("2"))
        machine.run("dpkg", "--remove", "hullo")
        active = machine.run("systemctl", "is-active", "hullo.socket", "hullo.service", check=False).split()
        if active != ["inactive", "inactive"]:
            journal = machine.run("journalctl", "--unit", "hullo.service", "--no-pager", "--lines", "30")
            raise ValueError(f"removed, but it is {active}: {journal}")
        machine.run("dpkg", "--purge", "hullo")
        left = files(machine) - before
        if left:
            raise ValueError(f"purged, but there is {sorted(left)[:20]}")
        failed = machine.run("systemctl", "--failed", "--no-legend", "--plain")
        if "hullo" in failed:
            raise ValueError(failed)
    return (
        f"{size / 1e6:.1f} MB; installed, started, confined; reloaded 3 times, restarted behind its socket and "
        f"upgraded under load: {' + '.join(map(str, said.requests))} requests, 0 failed; watched; purged without a trace"
    )
