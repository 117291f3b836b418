"""hullo, run as a kubelet would run the pod of the manifests: its user, its environment, its probes, its end."""

import re
import subprocess
import time
import urllib.error
import urllib.request

import manifests
from manifests import true

USER = ["--reuid=65532", "--regid=65532", "--clear-groups", "--bounding-set=-all", "--no-new-privs"]


def status(url):
    """The status of a response, or None without one."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def probe_url(container, name):
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    get = container[name]["httpGet"]
    return f"http://127.0.0.1:{ports[get['port']]}{get['path']}"


def check(binary):
    """One line of figures. An error is a ValueError."""
    container, patience = manifests.container()
    environment = {it["name"]: it["value"] for it in container["env"]}
    command = ["setpriv", *USER, str(binary), *container["args"]]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        return of(container, process, patience, manifests.seconds(environment["HULLO_DRAIN_DELAY"]))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def of(container, process, patience, delay):
    startup = container["startupProbe"]
    for _ in range(startup["failureThreshold"]):
        if status(probe_url(container, "startupProbe")) == 200:
            break
        true(process.poll() is None, f"it has ended: {process.stderr.read() if process.poll() is not None else ''}")
        time.sleep(startup["periodSeconds"])
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        true(status(probe_url(container, name)) == 200, f"the {name} fails")
    (port,) = [port["containerPort"] for port in container["ports"] if port["name"] == "http"]
    for host in ("127.0.0.1", "[::1]"):
        true(status(f"http://{host}:{port}/") == 200, f"it does not answer on {host}")

    process.terminate()
    began = time.monotonic()
    ready = probe_url(container, "readinessProbe")
    while status(ready) != 503:
        true(time.monotonic() < began + 1, "it still says that it is ready")
        time.sleep(0.02)
    # Until the nodes know that it goes, requests come on new connections.
    answered = 0
    while time.monotonic() < began + delay - 0.5:
        true(status(f"http://127.0.0.1:{port}/late") == 200, "it answers no more, within its drain delay")
        true(status(probe_url(container, "livenessProbe")) == 200, "the livenessProbe fails in the drain")
        answered += 1
        time.sleep(0.02)
    code = process.wait(patience)
    took = time.monotonic() - began
    said = process.stderr.read()
    true(code == 0, f"it ends with {code}: {said}")
    true(re.search("draining", said), f"it does not say that it drains: {said}")
    return f"probes 200; after SIGTERM /readyz 503, {answered} more requests answered, exit code 0 after {took:.1f} of {patience} s"
