// The greeting by Node's http: server.js PORT WORKERS.
const cluster = require('node:cluster');
const http = require('node:http');

const [port, workers] = process.argv.slice(2).map(Number);

if (workers > 1 && cluster.isPrimary) {
  for (let i = 0; i < workers; i++) cluster.fork();
} else {
  http
    // 5 s by default: too short for ten thousand to be counted.
    .createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
      const body = `Hello, visitor! You've requested: ${req.url.split('?', 1)[0]}\n`;
      res.writeHead(200, {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Length': Buffer.byteLength(body),
      });
      res.end(body);
    })
    .listen(port, '127.0.0.1');
}
