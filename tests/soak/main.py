"""Runs a server with honest clients and hostile waves, and checks responses and memory:
main.py BINARY MINUTES."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from harness import Fault, Lab, expect, raise_open_file_limit
from hostile import WAVES
from honest import Honest, describe
from warm import warm_up

HONEST = 3
HONEST_PAUSE_MS = 5
SAMPLE_SECONDS = 0.5
# The waves come and go: their valleys are what has to stay level, once all of them have been at
# their highest at the same time. So the later part of the run is judged, from the least of its
# first fifth to the least of its last. A slow leak needs a long run to be seen.
WARM_UP_SHARE = 0.6
GROWTH_KIB_MAX = 64
TIMES = ("--head-timeout", "2s", "--idle-timeout", "3s", "--body-timeout", "2s")
# An honest client's pause is far below any of these.
FLAGS = (*TIMES, "--write-timeout", "2s")
PEERS_MAX = 4000


def start_waves(port):
    script = str(Path(__file__).with_name("hostile.py"))
    return {
        wave.__name__: subprocess.Popen(
            [sys.executable, script, str(port), wave.__name__, str(seed)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed, wave in enumerate(WAVES)
    }


def watch(server, seconds):
    """Samples of (second, KiB)."""
    samples = []
    start = time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        samples.append((now, server.rss_kib()))
        time.sleep(SAMPLE_SECONDS)
    return samples


def slope_kib_per_minute(samples):
    """Of the straight line through them (least squares)."""
    count = len(samples)
    mean_time = sum(second for second, _ in samples) / count
    mean_size = sum(size for _, size in samples) / count
    rise = sum((second - mean_time) * (size - mean_size) for second, size in samples)
    return 60 * rise / sum((second - mean_time) ** 2 for second, _ in samples)


def judge_memory(samples):
    """Figures, or a Fault."""
    warm = [sample for sample in samples if sample[0] >= samples[-1][0] * WARM_UP_SHARE]
    parts = [warm[len(warm) * part // 5 : len(warm) * (part + 1) // 5] for part in range(5)]
    valleys = [min(size for _, size in part) for part in parts]
    growth = valleys[-1] - valleys[0]
    slope = slope_kib_per_minute(warm)
    figures = (
        f"RSS after the warm-up: valleys of each fifth {valleys} KiB, {growth:+} from the first to "
        f"the last ({GROWTH_KIB_MAX} allowed), peak {max(size for _, size in warm)}; line through all {slope:+.1f} KiB/min"
    )
    expect(growth <= GROWTH_KIB_MAX, figures)
    return figures


def soak(lab, minutes):
    server = lab.hullo(*FLAGS)
    server.connections_max = PEERS_MAX
    honest = [Honest(server.port, pause_ms=HONEST_PAUSE_MS) for _ in range(HONEST)]
    waves = start_waves(server.port)
    cpu = server.cpu_seconds()
    samples = watch(server, minutes * 60)
    cpu = server.cpu_seconds() - cpu
    for process in waves.values():
        process.send_signal(signal.SIGTERM)
    faults = []
    for name, process in waves.items():
        count, failed, *rest = process.communicate()[0].split(maxsplit=2)
        print(f"      {name}: {count} waves, {failed} wrong {''.join(rest).strip()}", flush=True)
        if failed != "0":
            faults.append(name)
    for client in honest:
        figures = client.finish()
        print(f"      {describe(figures)}, {len(figures['faults'])} wrong {figures['faults']}")
        if figures["faults"]:
            faults.append("an honest client")
    print(f"      CPU {cpu:.1f} s of {minutes * 60:.0f}; it said {server.said()}")
    expect(not faults, f"wrong: {faults}")
    expect(server.said() == [], "it complained")
    return judge_memory(samples)


def main():
    binary, minutes = sys.argv[1], float(sys.argv[2])
    raise_open_file_limit()
    lab = Lab(binary, warm_up)
    try:
        print(f"ok    soak of {minutes} min: {soak(lab, minutes)}")
        print(f"ok    after: {lab.aftermath()}")
        lab.close()
    except Fault as fault:
        print(f"FAIL  {fault}")
        for server in lab.servers:
            server.stop()
        sys.exit(1)


if __name__ == "__main__":
    main()
