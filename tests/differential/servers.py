"""The servers to compare, each on a free port of the loopback, and the table of accepted differences."""
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).parent

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 512; }}
http {{
    access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder}; merge_slashes off;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass http://127.0.0.1:{hullo}; proxy_http_version 1.1; proxy_ignore_client_abort on; }}
    }}
}}
"""
HAPROXY = """
global
    maxconn 500
defaults
    mode http
    timeout client 5s
    timeout http-request 5s
    timeout connect 5s
    timeout server 5s
listen all
    bind 127.0.0.1:{port}
    server hullo 127.0.0.1:{hullo}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Servers:
    def __init__(self, binary):
        self.binary, self.running, self.references = binary, [], {}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        hullo = subprocess.Popen([self.binary, "--port", "0"], stdout=subprocess.PIPE, text=True)
        self.running.append(hullo)
        self.hullo = int(re.search(r":(\d+) ", hullo.stdout.readline()).group(1))
        for name, config, command in [
            ("nginx", NGINX, ["nginx", "-c", "{path}"]),
            ("haproxy", HAPROXY, ["haproxy", "-f", "{path}", "-db"]),
        ]:
            # Both pass on what they take, in their own words; hullo only says how it was understood. nginx has
            # read a body to its end by then: a fault in it is refused before there is an answer.
            if shutil.which(name):
                self.start(name, config, command)
            else:
                print(f"without {name}: it is not installed")
        return self

    def start(self, name, config, command):
        port = free_port()
        path = pathlib.Path(self.folder.name) / f"{name}.conf"
        path.write_text(config.format(port=port, folder=self.folder.name, hullo=self.hullo))
        words = [word.format(path=path) for word in command]
        self.running.append(subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                self.references[name] = port
                return
            except OSError:
                time.sleep(0.05)
        print(f"without {name}: it did not start")

    def __exit__(self, *_):
        for process in self.running:
            process.terminate()
            process.wait(10)
        self.folder.cleanup()


def differences():
    """The rows of differences.md that begin with a reader's name: reader, what it says, shape, reason."""
    rows = []
    for line in (HERE / "differences.md").read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[1].startswith("`") and cells[2].startswith("`"):
            said, shape = (cell.strip("`").replace("\\|", "|") for cell in cells[1:3])
            rows.append((cells[0].replace("\\|", "|"), said or None, shape, cells[3]))
    return rows
