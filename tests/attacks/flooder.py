"""Pipelines requests without end and reads the answers: flooder.py PORT, until it is killed."""

import select
import socket
import sys

from swarm import READ_BYTES, request

BLOCK = request("/flood") * 2000


def main():
    stream = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    stream.setblocking(False)
    rest = memoryview(BLOCK)
    while True:
        readable, writable, _ = select.select([stream], [stream], [])
        if readable and not stream.recv(READ_BYTES):
            sys.exit("the flooder was closed")
        if writable:
            rest = rest[stream.send(rest) :] or memoryview(BLOCK)


if __name__ == "__main__":
    main()
