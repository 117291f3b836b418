"""Checks what is in deploy/: main.py BINARY STATIC [WORD...]. BINARY is the release build, STATIC what
deploy/static makes; with words, only the checks whose names contain one of them."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import image
import manifests
import package
import pod

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
EXPOSURE_MAX = 1.5


def static(_binary, alone):
    """The binary depends on no other file."""
    said = subprocess.run(["ldd", alone], capture_output=True, text=True, check=False)
    if "statically linked" not in said.stdout + said.stderr:
        raise ValueError(said.stdout + said.stderr)
    return f"{alone.stat().st_size / 1e6:.1f} MB, statically linked"


def units(binary, _alone):
    """The units are well-formed, and leave the service few privileges."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("hullo.service", "hullo.socket"):
            text = (DEPLOY / "systemd" / name).read_text()
            text = text.replace("/usr/bin/hullo", str(binary)).replace("Documentation=man:hullo(1)\n", "")
            (Path(scratch) / name).write_text(text)
        paths = [str(path) for path in Path(scratch).iterdir()]
        verify = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)
        if verify.returncode or verify.stderr:
            raise ValueError(f"systemd-analyze verify: {verify.stdout}{verify.stderr}")
    command = ["systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE_MAX * 10:.0f}"]
    done = subprocess.run([*command, DEPLOY / "systemd/hullo.service"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stdout + done.stderr)
    return done.stdout.strip().splitlines()[-1].strip("→ ")


CHECKS = {
    "static binary": static,
    "systemd units": units,
    "Kubernetes manifests": lambda _binary, _alone: manifests.check(),
    "pod": lambda _binary, alone: pod.check(alone),
    "Debian package under systemd": lambda binary, _alone: package.check(binary),
    # The last: it mounts over /sys/fs/cgroup.
    "container image": lambda _binary, alone: image.check(alone),
}


def main():
    binary, alone, words = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:]
    passed = failed = 0
    for name, check in CHECKS.items():
        if words and not any(word in name for word in words):
            continue
        start = time.monotonic()
        try:
            said = check(binary, alone)
        except (ValueError, OSError, KeyError, subprocess.SubprocessError) as error:
            failed += 1
            print(f"FAIL  {name}: {type(error).__name__}: {error}", flush=True)
        else:
            passed += 1
            print(f"ok    {name} ({time.monotonic() - start:.1f} s): {said}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
