#!/usr/bin/env python3
"""What load generators cost, whether they agree, and what a stalled server looks like to them.

  generators.py cpu        CPU time per request sent: hullo bench, wrk, hey; 100 connections
  generators.py pipelined  the same with 16 requests in a write: hullo bench, wrk with a script
  generators.py workloads  hullo bench with one URL, and with requests that differ
  generators.py agree      requests/s, p50 and p99 on a server that is the bottleneck: --server, or
                           one of 100 us per request, slow enough for hey on one core
  generators.py stall      hullo stands still for 200 ms under load: what p99.9 and the maximum say
  generators.py tls        CPU time per request over https: hullo bench, wrk; nginx is the server
  generators.py handshakes the same with a connection and a full handshake for each request
  generators.py article    the article's three tests, by hullo bench and by hey, outputs side by side

  --hullo FILE     the binary (target/release/hullo)
  --server 'CMD'   for agree and article: another server than hullo, {port} is filled in
  --other FILE     for workloads: another build of hullo, with one URL
  -d SECONDS -n ROUNDS    length of a run (3), and how many (5), interleaved: A B C A B C ...

The server has core 0 and the generators core 1. What is read is the generator's own user and
system time (wait4), so the figure holds also when others use the machine; ratios are taken within
a round, and their median and spread are printed. Needs Linux, taskset, wrk and hey;
for https nginx and openssl.
"""
import argparse
import asyncio
import json
import os
import re
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

LUA = """init = function(args)
  local one = {}
  for i = 1, tonumber(args[1]) do one[i] = wrk.format("GET") end
  batch = table.concat(one)
end
request = function() return batch end
"""
SERVER_CPU, GENERATOR_CPU = '0', '1'
UNITS = {'us': 1e-6, 'ms': 1e-3, 's': 1.0, 'm': 60.0}


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    """A server on its own core, from the first connection that it takes to the end of the block."""

    def __init__(self, command):
        self.port = free_port()
        self.words = ['taskset', '-c', SERVER_CPU] + shlex.split(command.format(port=self.port))

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdout=subprocess.DEVNULL)
        for _ in range(100):
            try:
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        sys.exit('did not start: ' + ' '.join(self.words))

    def __exit__(self, *_):
        # taskset has become the server: this is its own process.
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def url(self):
        return f'http://127.0.0.1:{self.port}/abcdef'


def run(command):
    """Output, and CPU seconds of this child alone."""
    with tempfile.TemporaryFile('w+') as out:
        p = subprocess.Popen(['taskset', '-c', GENERATOR_CPU] + command, stdout=out)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return out.read(), usage.ru_utime + usage.ru_stime


def seconds(text):
    number, unit = re.fullmatch(r'([\d.]+)(\w+)', text).groups()
    return float(number) * UNITS[unit]


def hullo(a, url, *flags):
    out, cpu = run([a.hullo, 'bench', '--threads', '1', '-o', 'json', '-c', '100', *flags, url])
    r = json.loads(out)
    assert r['errors']['total'] == 0, r['errors']
    p = r['latency']['percentiles_ns']
    return r['responses'], cpu, r['requests_per_second'], p['p50'] / 1e9, p['p99'] / 1e9


def wrk(a, url, *flags, script=()):
    command = ['wrk', '-t1', '-c100', f'-d{a.d}s', '--latency', *flags]
    command += ['-s', script[0], url, '--', *script[1:]] if script else [url]
    out, cpu = run(command)
    assert not re.search('Non-2xx|Socket errors', out), out
    requests = int(re.search(r'(\d+) requests in', out).group(1))
    rate = float(re.search(r'Requests/sec:\s+([\d.]+)', out).group(1))
    p50, p99 = (seconds(re.search(rf'\n\s+{p}%\s+(\S+)', out).group(1)) for p in (50, 99))
    return requests, cpu, rate, p50, p99


def hey(a, url):
    out, cpu = run(['hey', '-c', '100', '-z', f'{a.d}s', '-cpus', '1', url])
    assert 'Error distribution' not in out, out
    requests = sum(int(n) for n in re.findall(r'\]\s+(\d+) responses', out))
    # It prints four digits of the percentiles, and requests/s of what took longer than that.
    rate = float(re.search(r'Requests/sec:\s+([\d.]+)', out).group(1))
    p50, p99 = (float(re.search(rf'{p}%\S* in ([\d.]+) secs', out).group(1)) for p in (50, 99))
    return requests, cpu, rate, p50, p99


def spread(values, digits=3):
    return f'{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})'


def rounds(a, command, generators):
    """All generators in turn against one server, so often; a first round warms up."""
    rows = {name: [] for name in generators}
    with command if isinstance(command, Server) else Server(command) as server:
        for number in range(a.n + 1):
            for name, generator in generators.items():
                row = generator(server.url())
                if number:
                    rows[name].append(row)
    return rows


def print_cost(rows):
    cost = {name: [cpu / requests * 1e6 for requests, cpu, *_ in row] for name, row in rows.items()}
    for name, values in cost.items():
        ratios = [mine / other for mine, other in zip(cost['hullo bench'], values)]
        rates = [row[2] for row in rows[name]]
        print(f'{name:12s} {spread(values)} us/request; hullo bench is {spread(ratios)} of it;'
              f' {spread(rates, 0)} requests/s')


def cpu(a):
    duration = ['-z', f'{a.d}s']
    print_cost(rounds(a, a.serve, {
        'hullo bench': lambda url: hullo(a, url, *duration),
        'wrk': lambda url: wrk(a, url),
        'hey': lambda url: hey(a, url),
    }))


def pipelined(a):
    with tempfile.NamedTemporaryFile('w', suffix='.lua') as lua:
        lua.write(LUA)
        lua.flush()
        print_cost(rounds(a, a.serve, {
            'hullo bench': lambda url: hullo(a, url, '-z', f'{a.d}s', '-p', '16'),
            'wrk': lambda url: wrk(a, url, script=(lua.name, '16')),
        }))


class Nginx(Server):
    """With TLS 1.3 and without sessions that could be resumed: generators differ in what they resume."""
    CONFIG = """daemon off; pid nginx.pid; error_log error.log; worker_processes 1; events {{ }}
http {{ access_log off; keepalive_requests 100000000; ssl_protocols TLSv1.3;
  ssl_session_cache off; ssl_session_tickets off;
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate own.pem; ssl_certificate_key own.key;
    location / {{ return 200 "Hello, visitor! You've requested: /abcdef\\n"; }} }} }}
"""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        super().__init__(f'nginx -p {self.folder.name} -c nginx.conf -e error.log')
        with open(f'{self.folder.name}/nginx.conf', 'w') as config:
            config.write(self.CONFIG.format(port=self.port))
        subprocess.run('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'
                       ' -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1'
                       ' -keyout own.key -out own.pem'.split(),
                       cwd=self.folder.name, check=True, stderr=subprocess.DEVNULL)

    def __exit__(self, *_):
        # Its worker would outlive a master that is killed.
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()

    def url(self):
        return f'https://127.0.0.1:{self.port}/abcdef'


def tls(a):
    duration = ['-z', f'{a.d}s', '-k']
    print_cost(rounds(a, Nginx(), {
        'hullo bench': lambda url: hullo(a, url, *duration),
        'wrk': lambda url: wrk(a, url),
    }))


def handshakes(a):
    duration = ['-z', f'{a.d}s', '-k', '--disable-keepalive', '--tls-resumption', 'off']
    print_cost(rounds(a, Nginx(), {
        'hullo bench': lambda url: hullo(a, url, *duration),
        'wrk': lambda url: wrk(a, url, '-H', 'Connection: close'),
    }))


def workloads(a):
    """Paths are about as long as that of the one URL: what differs is how requests are made."""
    fixed = ''.join(f'{{"path": "/abcde{i}"}}\n' for i in range(4))
    patched = '{"path": "/{rand:10-99}/{csv:name}"}\n{"path": "/{seq}"}\n'
    content = '{"method": "POST", "path": "/abcdef", "content": "{uuid} {seq} {csv:name}"}\n'
    with tempfile.TemporaryDirectory() as folder:
        def file(name, text):
            path = os.path.join(folder, name)
            with open(path, 'w') as out:
                out.write(text)
            return path

        values = file('values.csv', 'name\n' + ''.join(f'v{i}\n' for i in range(1000)))
        files = {name: file(name.replace(' ', '-'), text) for name, text in
                 (('four fixed', fixed), ('placeholders', patched), ('uuid in content', content))}

        def workload(path):
            return lambda url: hullo(a, url.rpartition('/')[0], '-z', f'{a.d}s', '--csv', values, '--request-file', path)

        generators = {'one URL': lambda url: hullo(a, url, '-z', f'{a.d}s')}
        if a.other:
            other = argparse.Namespace(hullo=a.other)
            generators['other build'] = lambda url: hullo(other, url, '-z', f'{a.d}s')
        generators |= {name: workload(path) for name, path in files.items()}
        rows = rounds(a, a.serve, generators)
    cost = {name: [cpu / requests * 1e6 for requests, cpu, *_ in row] for name, row in rows.items()}
    for name, values in cost.items():
        ratios = [mine / one for mine, one in zip(values, cost['one URL'])]
        print(f'{name:16s} {spread(values)} us/request; {spread(ratios)} of one URL')


def agree(a):
    rows = rounds(a, a.server or f'{sys.executable} {os.path.abspath(__file__)} slow --port {{port}}', {
        'hullo bench': lambda url: hullo(a, url, '-z', f'{a.d}s'),
        'wrk': lambda url: wrk(a, url),
        'hey': lambda url: hey(a, url),
    })
    for name, row in rows.items():
        _, _, rates, p50, p99 = zip(*row)
        millis = [[t * 1e3 for t in times] for times in (p50, p99)]
        print(f'{name:12s} {spread(rates, 0)} requests/s; p50 {spread(millis[0])} ms; p99 {spread(millis[1])} ms')


def slow(a):
    """Serves, at 100 us of CPU for each request."""
    class Peer(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            end = time.thread_time_ns() + 100_000
            while time.thread_time_ns() < end:
                pass
            self.transport.write(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')

    async def serve():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Peer, '127.0.0.1', a.port)
        await server.serve_forever()

    asyncio.run(serve())


def stall(a):
    with Server(a.serve) as server:
        capacity = statistics.median(hullo(a, server.url(), '-z', '1s')[2] for _ in range(3))
        print(f'capacity {capacity:.0f} requests/s; one stall of 200 ms in {a.d} s')
        half = str(round(capacity / 2))
        for flags in (['--rate', half], []) * a.n:
            timer = threading.Timer(a.d / 2, freeze, [server.process.pid])
            timer.start()
            out, _ = run([a.hullo, 'bench', '--threads', '1', '-o', 'json', '-c', '100', '-z', f'{a.d}s', *flags, server.url()])
            timer.join()
            r = json.loads(out)
            p = r['latency']['percentiles_ns']
            counts = r['latency']['histogram']['counts']
            slow = sum(n for value, n in counts if value > 10e6)
            name = f'--rate {half}' if flags else 'closed model'
            print(f'{name:16s} {r["responses"]:8d} answers, {r["errors"]["total"]} errors;'
                  f' p50 {p["p50"] / 1e6:.3f}  p99 {p["p99"] / 1e6:.3f}  p99.9 {p["p99.9"] / 1e6:.3f}'
                  f'  p99.99 {p["p99.99"] / 1e6:.3f}  max {r["latency"]["max_ns"] / 1e6:.3f} ms;'
                  f' over 10 ms: {slow}', flush=True)


def freeze(pid):
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.2)
    os.kill(pid, signal.SIGCONT)


def article(a):
    with Server(a.server or a.serve) as server:
        for flags in (['-n', '10000', '-c', '100'], ['-z', '5s', '-c', '100'], ['-z', '5s', '-c', '1']):
            outs = [run([*tool, *flags, server.url()])[0] for tool in ([a.hullo, 'bench', '-o', 'hey'], ['hey'])]
            columns = [['$ ' + ' '.join([name, *flags])] + out.expandtabs().splitlines()
                       for name, out in zip(('hullo bench', 'hey'), outs)]
            for i in range(max(map(len, columns))):
                left, right = (column[i] if i < len(column) else '' for column in columns)
                print(f'{left[:72]:72s} | {right}'.rstrip())
            print()


def main():
    ap = argparse.ArgumentParser(usage=__doc__)
    jobs = {f.__name__: f for f in (cpu, pipelined, tls, handshakes, workloads, agree, stall, article, slow)}
    ap.add_argument('job', choices=jobs)
    ap.add_argument('--hullo', default='target/release/hullo')
    ap.add_argument('--server')
    ap.add_argument('--other')
    ap.add_argument('--port', type=int, help=argparse.SUPPRESS)
    ap.add_argument('-d', type=int, default=3)
    ap.add_argument('-n', type=int, default=5)
    a = ap.parse_args()
    a.serve = f'{shlex.quote(a.hullo)} --port {{port}} --workers 1'
    jobs[a.job](a)


if __name__ == '__main__':
    main()
