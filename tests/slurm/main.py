"""The job of deploy/bench/slurm.sh on two nodes. Prints a line per check; the exit code is 0 only if none failed."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time

from checks import binary, check, finish, serving

RECIPE = pathlib.Path(__file__).resolve().parents[2] / "deploy/bench/slurm.sh"
SECONDS_MAX = 60

CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={control}
AuthType=auth/none
CredType=cred/none
CryptoType=crypto/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdSpoolDir={folder}/spool.%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
SelectType=select/linear
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 Port={one} CPUs=1
NodeName=two NodeHostname={host} NodeAddr=127.0.0.1 Port={two} CPUs=1
PartitionName=all Nodes=one,two Default=YES State=UP
"""


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        control, one, two = free_ports(3)
        config = folder / "slurm.conf"
        host = socket.gethostname().split(".")[0]
        config.write_text(CONFIG.format(folder=folder, host=host, control=control, one=one, two=two))
        for name in ("state", "spool.one", "spool.two"):
            (folder / name).mkdir()
        self.environment = {**os.environ, "SLURM_CONF": str(config)}
        self.daemons = []

    def __enter__(self):
        self.start("slurmctld", "-D")
        for node in ("one", "two"):
            self.start("slurmd", "-D", "-N", node)
        for _ in range(SECONDS_MAX * 5):
            states = self.run("sinfo", "--noheader", "--format=%t %D").stdout.split()
            if states == ["idle", "2"]:
                return self
            time.sleep(0.2)
        logs = "".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("*.log")))
        self.__exit__()
        raise OSError(f"the nodes are not idle: {states}\n{logs}")

    def start(self, *words):
        output = open(self.folder / "output", "ab")
        daemon = subprocess.Popen(words, env=self.environment, stdout=output, stderr=output, start_new_session=True)
        self.daemons.append(daemon)

    def run(self, *words, **more):
        return subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False, **more)

    def __exit__(self, *_):
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def job(self, hullo, *arguments):
        """Submits the recipe with this hullo and waits for its end. Returns its exit code, its output, and the results."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        words = ("sbatch", "--wait", "--parsable", "--nodes=2", f"--export=ALL,HULLO={hullo}", str(RECIPE))
        ran = self.run(*words, *arguments, cwd=folder, timeout=SECONDS_MAX)
        job = ran.stdout.split(";")[0].strip()
        output = folder / f"slurm-{job}.out"
        results = sorted((folder / f"hullo-bench-{job}").glob("*.json"))
        return ran.returncode, output.read_text() if output.exists() else ran.stderr, results


def reports(paths):
    return [json.loads(path.read_text().splitlines()[-1]) for path in paths if path.stat().st_size]


def joined(cluster, port):
    code, output, results = cluster.job(binary, "-z", "2s", "-c", "4", "--threads", "1", f"http://127.0.0.1:{port}/")
    each = reports(results)
    answers = sum(report["responses"] for report in each)
    starts = [report["started_unix_ms"] for report in each]
    check(
        "two nodes, one report",
        output,
        ("exit code 0", code == 0),
        ("two results", len(each) == 2),
        ("begun together", len(starts) == 2 and abs(starts[0] - starts[1]) < 500),
        ("with the next ten seconds", all(start % 10_000 < 500 for start in starts)),
        ("both machines", "/0.json:" in output and "/1.json:" in output),
        ("all answers", f"answered:  {answers:,} in" in output),
    )


def stopped(cluster, port):
    """One node fails: it has no such file."""
    start = time.monotonic()
    wrapper = cluster.folder / "wrapper"
    wrapper.write_text(f'#!/bin/bash\n[[ $SLURM_PROCID != 1 ]] || set -- bench -D missing\nexec {binary} "$@"\n')
    wrapper.chmod(0o755)
    code, output, _ = cluster.job(wrapper, "-z", "50s", "-c", "1", f"http://127.0.0.1:{port}/")
    took = time.monotonic() - start
    check("one fails, all are stopped", output, ("an exit code", code != 0), (f"early: {took:.0f} s", took < 40))


def main():
    (port,) = free_ports(1)
    with (
        serving("--port", str(port)),
        tempfile.TemporaryDirectory() as name,
        Cluster(pathlib.Path(name)) as cluster,
    ):
        joined(cluster, port)
        stopped(cluster, port)


if __name__ == "__main__":
    main()
    finish()
