"""Prints how many bytes of resident memory an idle connection takes: the slope between 1,000 and 9,000 of them, on
each of which one request was answered.

    idle.py PROCESS PORT
"""

import re
import resource
import socket
import sys
import time


def resident(process):
    with open(f"/proc/{process}/status") as status:
        return 1024 * int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def main():
    process, port = (int(word) for word in sys.argv[1:])
    least, most = 1_000, 9_000
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    connections, before = [], 0
    for number in range(1, most + 1):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        if not connection.recv(4096).startswith(b"HTTP/1.1 200 "):
            sys.exit(f"connection {number} got no answer")
        connections.append(connection)
        if number == least:
            time.sleep(0.2)
            before = resident(process)
    time.sleep(0.2)
    print((resident(process) - before) // (most - least))


main()
