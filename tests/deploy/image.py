"""The container image: built, inspected, run as its Containerfile says, found healthy, stopped."""

import json
import os
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "deploy/image/build"
URL = "http://127.0.0.1:8080"
BYTES_MAX = 8_000_000
START_SECONDS_MAX = 20
# What a kernel without control groups of version 2 and without CAP_SYS_RESOURCE can do.
HERE = ["--cgroups=disabled", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]


def run(*command, environment, check=True):
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False
    )
    if check and done.returncode:
        raise ValueError(f"{' '.join(map(str, command))}: exit code {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def answers():
    with urllib.request.urlopen(f"{URL}/image", timeout=1) as answer:
        return answer.read() == b"Hello, visitor! You've requested: /image\n"


def check(static):
    """One line of figures. An error is a ValueError. Mounts over /sys/fs/cgroup: for a mount namespace of its
    own."""
    # crun refuses a mix of versions 1 and 2.
    subprocess.run(["umount", "--recursive", "--lazy", "/sys/fs/cgroup"], check=True)
    subprocess.run(["mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"], check=True)
    with tempfile.TemporaryDirectory(prefix="hullo-image-") as scratch:
        # A storage of its own.
        configuration = Path(scratch) / "storage.conf"
        places = f'graphroot = "{scratch}/storage"\nrunroot = "{scratch}/run"\n'
        configuration.write_text(f'[storage]\ndriver = "vfs"\n{places}')
        environment = {"CONTAINERS_STORAGE_CONF": str(configuration)}
        return of(static, environment)


def of(static, environment):
    run(BUILD, "hullo:check", static, environment=environment)
    (image,) = json.loads(run("podman", "image", "inspect", "hullo:check", environment=environment))
    if image["Size"] > BYTES_MAX:
        raise ValueError(f"it has {image['Size']} bytes")
    begin = ["podman", "run", "--name", "hullo-check", "--network=host", "--detach", *HERE]
    confine = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]
    began = time.monotonic()
    run(*begin, *confine, "hullo:check", environment=environment)
    try:
        while True:
            try:
                if answers():
                    break
            except OSError:
                pass
            if time.monotonic() > began + START_SECONDS_MAX:
                raise ValueError("it does not answer: " + run("podman", "logs", "hullo-check", environment=environment))
            time.sleep(0.01)
        took = time.monotonic() - began
        (container,) = json.loads(run("podman", "inspect", "hullo-check", environment=environment))
        status = Path(f"/proc/{container['State']['Pid']}/status").read_text()
        if "\nUid:\t65532\t65532\t65532\t65532\n" not in status or "\nCapBnd:\t0000000000000000\n" not in status:
            raise ValueError(f"it has privileges: {status}")
        # Its HEALTHCHECK, run within.
        run("podman", "healthcheck", "run", "hullo-check", environment=environment)
        run("podman", "stop", "--time", "20", "hullo-check", environment=environment)
        code = run("podman", "wait", "hullo-check", environment=environment)
        if code != "0":
            raise ValueError(f"stopped, it exits with {code}")
    finally:
        run("podman", "rm", "--force", "hullo-check", environment=environment, check=False)
    said = run(*["podman", "run", "--rm", "--network=none", "--no-healthcheck", *HERE, "hullo:check", "--version"], environment=environment)
    return f"{said}: {image['Size'] / 1e6:.1f} MB, answers {took * 1000:.0f} ms after podman run; healthy; stops with 0"
