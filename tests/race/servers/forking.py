"""A server of processes: forking.py PORT once|twice|unseen|chain.

`once`, `twice`: each connection costs 1 ms of CPU, in a child, or in a grandchild whose parent has
ended. `unseen`: as `once`, but children are not waited for, so that their times are lost.
`chain`: beside a plain server, 5 chains of processes that ignore SIGTERM, each of which is forked by
the one before, in a session of its own, and ends after 2 ms.
"""
import os
import signal
import socket
import sys
import time


def answer(connection):
    head = b''
    while b'\r\n\r\n' not in head:
        piece = connection.recv(4096)
        if not piece:
            return False
        head += piece
    path = head.split(b' ', 2)[1]
    said = b"Hello, visitor! You've requested: " + path + b'\n'
    length = str(len(said)).encode()
    connection.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ' + length + b'\r\n\r\n' + said)
    return True


def work(connection):
    end = time.process_time() + 0.001
    while time.process_time() < end:
        pass
    answer(connection)
    connection.close()


def chain():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.002)
        if os.fork():
            os._exit(0)
        os.setsid()


def main():
    how = sys.argv[2]
    listener = socket.create_server(('127.0.0.1', int(sys.argv[1])), backlog=1000)
    if how == 'unseen':
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in range(5 if how == 'chain' else 0):
        if os.fork() == 0:
            chain()
    while True:
        connection, _ = listener.accept()
        if how == 'chain':
            answer(connection)
        else:
            child = os.fork()
            if child == 0:
                if how != 'twice' or os.fork() == 0:
                    work(connection)
                os._exit(0)
            if how == 'twice':
                os.waitpid(child, 0)
            while how == 'once':
                try:
                    if os.waitpid(-1, os.WNOHANG)[0] == 0:
                        break
                except ChildProcessError:
                    break
        connection.close()


main()
