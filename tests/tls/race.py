"""hullo race over https: nginx with and without TLS, by each load generator. Prints a line per check; the exit code is 0
only if none failed."""

import json
import pathlib
import subprocess
import tempfile

import certificates
from checks import binary, check, finish

NGINX = """
daemon off; pid PORT.pid; error_log error.log; worker_processes 1;
events { }
http {
  log_format one '$ssl_session_reused $ssl_server_name $http_user_agent';
  access_log access.log one;
  keepalive_requests 1000000; ssl_session_tickets on;
  server {
    listen 127.0.0.1:PORT SECURE;
    ssl_protocols TLSv1.3; ssl_certificate server.pem; ssl_certificate_key server.key;
    location / { default_type text/plain; return 200 "Hello, visitor! You've requested: $request_uri\\n"; }
  }
}
"""


class Race:
    """A race of one round. SECURE servers are nginx with TLS."""

    def __init__(self, *flags, secure=("secure",), plain=()):
        (folder / "access.log").write_bytes(b"")
        words = [binary, "race", "-r", "1", "-c", "10", "--warmup", "100ms", "-q", "--json", "race.json", *flags]
        for name, ssl in [*((name, "ssl") for name in secure), *((name, "") for name in plain)]:
            made = f"sed 's/PORT/{{port}}/; s/PORT/{{port}}/; s/SECURE/{ssl}/' nginx.conf > {name}.conf"
            words.append(f"{name}={made}; exec nginx -p {folder} -c {name}.conf -e error.log")
        ran = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=folder)
        self.code, self.text, self.stderr = ran.returncode, ran.stdout, ran.stderr
        self.race = json.loads((folder / "race.json").read_text() or "{}")
        (folder / "race.json").unlink()
        self.results = {result["target"]: result for result in self.race.get("results", [])}
        targets = self.race.get("targets", [])
        findings = [finding for target in targets for finding in target["behaviour"] if not finding["right"]]
        # Beside a flood, a loaded machine may take a second for an answer.
        self.wrong = [(of["id"], of["saw"]) for of in findings if of["id"] != "flood"]
        self.tls = {target["name"]: target["tls"] for target in targets}
        self.requests = [line.split(" ", 2) for line in (folder / "access.log").read_text().splitlines()]

    def __str__(self):
        return f"      {self.code}, {self.wrong}, {self.tls}\n{self.stderr}{self.text}"

    def resumed(self, agent):
        """How many requests of a load generator were on resumed connections."""
        return sum(reused == "r" for reused, _, by in self.requests if agent in by)


def raced(name, ran, *conditions):
    """Every server answered its requests, and each probe."""
    results = [result["requests"] > 5 and not result["errors"] for result in ran.results.values()]
    facts = [("exit code 0", ran.code == 0), ("requests", all(results) and len(results) == len(ran.tls))]
    check(name, ran, *facts, ("all probes right", ran.wrong == []), *conditions)


def main():
    churn = ("--https=secure", "-s", "churn", "-z", "300ms")
    ran = Race(*churn, "--cacert", "ca.pem", plain=["plain"])
    version = (ran.tls.get("secure") or "").split(" ")[0]
    handshakes = ran.results.get("secure", {}).get("handshakes") or {}
    full = ("full handshakes", handshakes.get("full", 0) > 5 and handshakes.get("resumed") == 0)
    both = ("which is which", ran.tls.get("plain") is None and "Over https: secure; over plain HTTP: plain." in ran.text)
    raced("https beside http", ran, ("TLS 1.3", version == "TLSv1.3"), full, both, ("none resumed", ran.resumed("") == 0))
    ran = Race(*churn, "-k", "--tls-resumption", "on")
    raced("resumed sessions", ran, ("resumed", ran.results["secure"]["handshakes"]["resumed"] > 5))
    ran = Race(*churn, "--cacert", "ca.pem", "--host", "localhost")
    raced("a name", ran, ("SNI", {name for _, name, _ in ran.requests} == {"localhost"}))
    ran = Race(*churn, "-k", "-g", "hey")
    raced("hey: full handshakes", ran, ("none resumed", ran.resumed("hey") == 0))
    # It sends no User-Agent.
    ran = Race("--https=secure", "-s", "churn", "-z", "1s", "-k", "-g", "wrk")
    raced("wrk: resumed sessions", ran, ("resumed", ran.resumed("-") > 5), ("told", "sessions were resumed" in ran.text))
    for name, flags, sentence in (
        ("a certificate of another authority", ("--https", "--cacert", "other.pem"), "accept any certificate with -k"),
        ("a certificate for another name", ("--https", "--cacert", "ca.pem", "--host", "other.test"), "choose the name with --host"),
        ("TLS that was not asked for", (), "add --https"),
    ):
        ran = Race("-s", "churn", "-z", "300ms", *flags)
        check(name, ran, ("exit code 1", ran.code == 1), (sentence, sentence in ran.stderr))
    ran = Race("-s", "churn", "-z", "300ms", "-k", "--https", secure=(), plain=["plain"])
    check("no TLS", ran, ("exit code 1", ran.code == 1), ("told", "it does not speak TLS" in ran.stderr))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for authority in ("ca", "other"):
            certificates.authority(folder, authority)
        certificates.signed(folder, "ca", "server")
        (folder / "nginx.conf").write_text(NGINX)
        # A worker of nginx that is not root reads it.
        folder.chmod(0o755)
        main()
    finish()
