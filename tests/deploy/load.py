"""Load that must not see an error, while something is done to the server."""

import contextlib
import json
import signal
import subprocess
import time

SECONDS_MAX = 60


@contextlib.contextmanager
def unharmed(binary, url, said):
    """Loads the URL, on persistent connections and with a connection for each request, while the block runs. An
    error of the client is a ValueError; `said` gets how many requests there were."""
    clients = []
    for flags in (["-c", "8", "--rate", "400"], ["-c", "4", "--rate", "200", "--disable-keepalive"]):
        command = [binary, "bench", "-z", f"{SECONDS_MAX}s", "--threads", "1", "--timeout", "10s", *flags]
        command += ["--expect-status", "200", "-o", "json", url]
        clients.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    try:
        time.sleep(0.5)
        yield
        time.sleep(0.5)
        for client in clients:
            client.send_signal(signal.SIGINT)
        total = 0
        for client in clients:
            output, errors = client.communicate(timeout=SECONDS_MAX)
            report = json.loads(output) if output else None
            if not report or set(report["statuses"]) != {"200"} or report["errors"]["total"]:
                raise ValueError(f"{url}: {report and (report['statuses'], report['errors'])} {errors}")
            total += report["responses"]
        said.append(total)
    finally:
        for client in clients:
            if client.poll() is None:
                client.kill()
                client.wait()
