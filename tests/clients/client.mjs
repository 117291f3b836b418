// Node's fetch against hullo on the loopback: client.mjs URL. Prints how many responses were right and how many
// connections they took, or throws at the first wrong one.

import assert from "node:assert/strict";
import diagnostics from "node:diagnostics_channel";

const FETCHES = 2000;
const AT_A_TIME = 50;
const TIMEOUT_MS = 20_000;

const url = process.argv[2];
const body = "x".repeat(10_000);

let connections = 0;
diagnostics.subscribe("undici:client:connected", () => connections++);

// A stream has no length: fetch sends it chunked.
const stream = () => new Blob([body]).stream();

const kinds = [
  () => ({ method: "GET" }),
  () => ({ method: "POST", body }),
  () => ({ method: "PUT", body: stream(), duplex: "half" }),
  () => ({ method: "DELETE" }),
];

async function fetchOne(number) {
  const path = `/node/${number}`;
  const answer = await fetch(`${url}${path}?q=${number}`, {
    ...kinds[number % kinds.length](),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  assert.equal(answer.status, 200, path);
  assert.equal(await answer.text(), `Hello, visitor! You've requested: ${path}\n`);
}

let next = 0;
async function worker() {
  while (next < FETCHES) {
    await fetchOne(next++);
  }
}

await Promise.all(Array.from({ length: AT_A_TIME }, worker));
// A fetch begins before the connection of the one before it counts as free: node:http, asked the
// same, is given two connections for each fetch at a time as well.
assert.ok(connections > 0 && connections <= 2 * AT_A_TIME, `not kept alive: ${connections}`);
console.log(`${FETCHES} answers, ${connections} connections`);
process.exit(0);
