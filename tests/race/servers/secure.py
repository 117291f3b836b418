"""A greeting over https: secure.py HOST PORT PEM, where PEM has the certificate and its key. One thread."""
import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Greeting(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"Hello, visitor! You've requested: {self.path}\n".encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(HTTPServer):
    request_queue_size = 1024

    def handle_error(self, *_):
        """A client has left."""


host, port, pem = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(pem)
server = Server((host, int(port)), Greeting)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
