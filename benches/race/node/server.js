// The greeting by Node's http: server.js PORT WORKERS. Over https with a certificate: server.js PORT WORKERS CERT KEY.
const cluster = require('node:cluster');
const { readFileSync } = require('node:fs');

const [port, workers] = process.argv.slice(2).map(Number);
const [cert, key] = process.argv.slice(4).map((file) => readFileSync(file));
const { createServer } = require(cert ? 'node:https' : 'node:http');

if (workers > 1 && cluster.isPrimary) {
  for (let i = 0; i < workers; i++) cluster.fork();
} else {
  // keepAliveTimeout is 5 s by default: too short for ten thousand to be counted.
  createServer({ cert, key, keepAliveTimeout: 60_000 }, (req, res) => {
    const body = `Hello, visitor! You've requested: ${req.url.split('?', 1)[0]}\n`;
    res.writeHead(200, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
    });
    res.end(body);
  }).listen(port, '127.0.0.1');
}
