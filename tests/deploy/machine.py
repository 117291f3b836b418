"""A machine whose process 1 is systemd: in namespaces of its own, over this machine's files, which it cannot
change. It shares the network with its starter, and goes with it."""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

SECONDS_MAX = 60
# Services of the machine below that are none of this one's.
MASKED = [
    *("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-networkd.service"),
    *("systemd-timesyncd.service", "systemd-logind.service", "systemd-resolved.service"),
    *("systemd-modules-load.service", "systemd-sysctl.service", "systemd-remount-fs.service"),
    *("systemd-binfmt.service", "systemd-random-seed.service", "systemd-firstboot.service"),
    *("dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount", "nftables.service"),
]
BOOT = r"""
set -euo pipefail
base=$1
mount --make-rprivate /
mount -t tmpfs none "$base"
mkdir "$base"/{up,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$base/up,workdir=$base/work" "$base/root"
cd "$base/root"
mount -t proc proc proc
mount -t sysfs sys sys
mount -t cgroup2 none sys/fs/cgroup
for folder in run tmp dev; do mount -t tmpfs -o mode=755 "$folder" "$folder"; done
chmod 1777 tmp
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "dev/${device%:*}" c 1 "${device#*:}"
done
# Not the first start, at which systemd would enable whatever is installed.
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
# Nothing that this machine has enabled; nor what would forbid to start a service.
rm -rf etc/systemd/system usr/sbin/policy-rc.d
mkdir etc/systemd/system
for unit in "${@:2}"; do ln -s /dev/null "etc/systemd/system/$unit"; done
printf '[Unit]\nRequires=basic.target multi-user.target\nAfter=multi-user.target\n' >etc/systemd/system/test.target
mkdir old
pivot_root . old
umount -l old
rmdir old
exec env -i container=hullo PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=test.target --log-target=journal --show-status=no
"""


class Machine:
    def __enter__(self):
        self._scratch = tempfile.TemporaryDirectory(prefix="hullo-machine-")
        folder = Path(self._scratch.name)
        (folder / "base").mkdir()
        # systemd takes the control group that it finds itself in as its root.
        self._groups = folder / "groups"
        self._groups.mkdir()
        subprocess.run(["mount", "-t", "cgroup2", "none", self._groups], check=True)
        self._group = self._groups / f"hullo-machine-{os.getpid()}"
        self._group.mkdir()
        join = f'echo $$ >"{self._group}/cgroup.procs"; exec "$@"'
        unshare = ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--cgroup", "--kill-child"]
        boot = [*unshare, "bash", "-c", BOOT, "boot", str(folder / "base"), *MASKED]
        self._output = open(folder / "output", "w+b")
        self._unshare = subprocess.Popen(
            ["bash", "-c", join, "join", *boot], stdout=self._output, stderr=self._output
        )
        try:
            self._wait_until_up()
        except OSError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._unshare.send_signal(signal.SIGKILL)
        self._unshare.wait()
        until = time.monotonic() + 10
        while "populated 1" in (self._group / "cgroup.events").read_text() and time.monotonic() < until:
            time.sleep(0.05)
        for folder, _, _ in os.walk(self._group, topdown=False):
            os.rmdir(folder)
        subprocess.run(["umount", self._groups], check=True)
        self._output.close()
        self._scratch.cleanup()

    def _wait_until_up(self):
        until = time.monotonic() + SECONDS_MAX
        state = ""
        while time.monotonic() < until and self._unshare.poll() is None:
            time.sleep(0.1)
            children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children").read_text()
            if not children:
                continue
            self.pid = int(children.split()[0])
            state = self.run("systemctl", "is-system-running", check=False).strip()
            if state in ("running", "degraded"):
                return
        self._output.seek(0)
        raise OSError(f"systemd does not start: {state} {self._output.read().decode()[-2000:]}")

    def run(self, *command, check=True):
        """What a command says on this machine, with standard error. Fails with a ValueError."""
        enter = ["nsenter", "-t", str(self.pid), "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wd"]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            [*enter, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        if check and done.returncode:
            raise ValueError(f"{' '.join(command)}: exit code {done.returncode}: {done.stdout}")
        return done.stdout

    def copy(self, source, name):
        """A file of the machine below, as /tmp/NAME of this one."""
        path = f"/proc/{self.pid}/root/tmp/{name}"
        Path(path).write_bytes(Path(source).read_bytes())
        return f"/tmp/{name}"
