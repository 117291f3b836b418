"""The greeting by Python's http.server: server.py PORT. A thread for each connection."""
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Greeting(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # Head and content in one write: in two, Nagle's algorithm holds the second one back for 40 ms.
    wbufsize = -1

    def do_GET(self):
        body = f"Hello, visitor! You've requested: {self.path.partition('?')[0]}\n".encode()
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain; charset=utf-8')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    # 5 by default, where a load test connects to a hundred at once.
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        # A load generator that has seen enough resets its connections.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


Server(('127.0.0.1', int(sys.argv[1])), Greeting).serve_forever()
