#!/usr/bin/env python3
"""Writes the seeds of the corpora: requests of clients and of attackers, which contain the words of the
grammar.

    tests/fuzz/seeds.py FOLDER
"""
import hashlib
import json
import pathlib
import sys

HOST = b"Host: a\r\n"
GET = b"GET /a?q HTTP/1.1\r\n" + HOST
CHUNKED = b"POST /p HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"

BODIES = [
    b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\n\r\n",
    b'1;a="q\\"" ; b\r\nx\r\n00\r\nT: v\r\n\r\n', b"5\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n",
    b"FFFFFFFFFFFFFFFF\r\n", b"10000000000000005\r\n", b"5\r\nhelloXX0\r\n\r\n", b'5;a="\r\n"\r\nhello\r\n',
    b"0\r\nX-T: v\n\r\n", b"0\r\nGET /x HTTP/1.1\r\n\r\n", b"5;\r\nhello\r\n0\r\n\r\n", b"5 \r\nhello\r\n",
    b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\nContent-Length: 50\r\n\r\n",
]
HEADS = [
    GET + b"\r\n", b"\r\n\r\nHEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"get http://[::1]:80?q HTTP/1.7\r\nhOST: [::1]:80\r\nConnection: foo, CLOSE\r\n\r\n",
    b"GET /%41%zz HTTP/1.1\r\n" + HOST + b"\r\n", GET + b"X: a\r\n b\r\n\r\n", GET + b"X : a\r\n\r\n",
    GET + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", GET + b"Expect: x\r\n\r\n",
    GET + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", GET + b"Content-Length: +5\r\n\r\n",
    GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n", GET + b"Transfer-Encoding: ,chunked\r\n\r\n",
    GET + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n", b"GET /\rx HTTP/1.1\r\r\n", b"\x16\x03\x01\x02\x00\x01", GET + b"X: \xff\x00\r\n\r\n",
]
CONVERSATIONS = [GET + b"\r\n" + GET + b"Connection: close\r\n\r\n" + GET + b"\r\n",
                 b"PUT / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello" + GET + b"\r\n"]
SCRIPTED = [b"%s /%s HTTP/1.1\r\nHost: a\r\n%s\r\n" % (method, path, rest)
            for path in b"stream sized long fails short delay later close abort reset collect read exchange refuse skip".split()
            for method, rest in [(b"GET", b""), (b"HEAD", b""), (b"POST", b"Content-Length: 3\r\n\r\na!c"),
                                 (b"POST", b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n")]]
CONVERSATIONS += [request + GET + b"\r\n" for request in SCRIPTED]
CONVERSATIONS += HEADS + [CHUNKED + body + GET + b"\r\n" for body in BODIES]

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"Content-Length: 5\r\n\r\nhello"
RESPONSES = [
    LENGTH, LENGTH * 2, LENGTH + OK, OK + b"X: y\r\n\r\nhello", b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH,
    b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 204\r\n\r\n" + LENGTH,
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.9 200 OK\r\nConnection: a, close\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0\r\n", OK.replace(b"200", b"999") + b"\r\n",
    OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", OK + b"Content-Length: +5\r\n\r\n", OK + b"X: a\r\n b\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", OK + b"Transfer-Encoding: gzip, ,chunked\r\n\r\n0\r\n\r\n",
]
RESPONSES += [OK + b"Transfer-Encoding: chunked\r\n\r\n" + body + LENGTH for body in BODIES]

REPORT = (pathlib.Path(__file__).parent / "report.json").read_bytes()
REPORTS = [REPORT, b"a line\n" + REPORT + b"another\n", REPORT.replace(b'"machines":1', b'"machines":2')]
RACE = {
    "format": "hullo-race/1", "version": "0.1.0", "started_unix_ms": 1, "elapsed_ms": 1, "command": ["hullo"],
    "machine": {"cpu": "c", "cores": 2, "memory_bytes": 1, "system": "s", "kernel": "k"},
    "settings": {"suites": ["churn"], "rounds": 1, "server_cpus": [0], "load_cpus": [1], "workers": 1, "path": "/",
                 "generator": "hullo", "generator_version": "0.1.0", "warm_up_ns": 0},
    "targets": [{"name": "a", "command": "x", "url": None, "behaviour": [
        {"id": "path", "title": "t", "right": False, "saw": "200"}], "out": None}],
    "tests": [{"id": "churn", "suite": "churn", "title": "1 s", "connections": 1, "idle_connections": 0,
               "requests": None, "duration_ns": 1, "pipeline": 1, "keepalive": False, "load": None}],
    "results": [{"test": "churn", "target": "a", "round": 1, "requests": 5, "elapsed_ns": 9, "requests_per_second": 5.5,
                 "errors": {"reset": 1}, "latency_ns": [[50, 7], [100, 8]], "response_bytes": 9, "rate": None,
                 "idle_connection_bytes": None, "server": None,
                 "generator": {"cpu_ns_per_request": 1, "utilisation": 0.5}}],
    "summaries": [{"test": "churn", "target": "a", "rounds": 1, "requests": 5, "elapsed_ns": 9, "errors": 1,
                   "bound": "unknown", "requests_per_second": {"median": 5.5, "least": 5, "greatest": 6, "ratio": {
                       "mean": 1, "low": 0.9, "high": 1.1, "differs": False}},
                   "cpu_ns_per_request": None, "idle_connection_bytes": None, "latency_ns": [[50, 7], [100, 8]]}],
    "warnings": ["w"],
}

SEEDS = {
    "race": [json.dumps(RACE).encode()],
    "head": HEADS,
    "chunked": BODIES,
    "responses": [bytes([flags, 20, 40, 60]) + response for flags in (0, 3) for response in RESPONSES],
    "session": [b"\x05\x14\x28\x40" + conversation for conversation in CONVERSATIONS],
    "report": REPORTS,
    "world": [hashlib.shake_128(bytes([n])).digest(200) for n in range(20)],
}

for target, seeds in SEEDS.items():
    folder = pathlib.Path(sys.argv[1]) / target
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
