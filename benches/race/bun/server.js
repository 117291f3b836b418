// The greeting by Bun.serve: server.js PORT WORKERS. Each worker is a process, and all listen at the same port.
const [port, workers] = process.argv.slice(2).map(Number);

for (let i = 1; i < workers; i++) {
  Bun.spawn({ cmd: [process.execPath, import.meta.path, String(port), '0'], stdio: ['ignore', 'inherit', 'inherit'] });
}

Bun.serve({
  hostname: '127.0.0.1',
  port,
  reusePort: workers !== 1,
  // 10 s by default: too short for ten thousand to be counted.
  idleTimeout: 60,
  development: false,
  fetch(request) {
    return new Response(`Hello, visitor! You've requested: ${new URL(request.url).pathname}\n`, {
      headers: { 'Content-Type': 'text/plain; charset=utf-8' },
    });
  },
});
