// A client of tools/gateways/websockets behind a proxy: opens sockets, revokes their keys, and prints how long after the
// 2xx of the DELETE each was closed. Any surprise is an exception.
'use strict';
const assert = require('node:assert');
const { once } = require('node:events');
const WebSocket = require('ws');

const { PROXY, ENGINE, MASTER_KEY } = process.env;
const rounds = 10;

async function ask(method, path, body) {
  const response = await fetch(ENGINE + path, {
    method,
    headers: { Authorization: `Bearer ${MASTER_KEY}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  assert(response.ok, `${method} ${path}: ${response.status}`);
  return { at: performance.now(), body: await response.json() };
}

const createKey = async () => (await ask('POST', '/v1/keys', {})).body;

async function connect(secret) {
  const socket = new WebSocket(`${PROXY}/socket`, secret ? { headers: { Authorization: `Bearer ${secret}` } } : {});
  socket.closed = new Promise((resolve) => {
    socket.on('close', (code, reason) => resolve({ at: performance.now(), code, reason: String(reason) }));
  });
  await once(socket, 'open');
  return socket;
}

const refusal = async (secret) => {
  const socket = new WebSocket(`${PROXY}/socket`, secret ? { headers: { Authorization: `Bearer ${secret}` } } : {});
  socket.on('error', () => {});
  const [, response] = await once(socket, 'unexpected-response');
  response.destroy();
  return response.statusCode;
};

async function echo(socket, text) {
  socket.send(text);
  const [data] = await once(socket, 'message');
  assert.strictEqual(String(data), text);
}

async function main() {
  assert.strictEqual(await refusal(), 401);
  const stayer = await connect((await createKey()).secret);
  const times = [];
  for (let round = 0; round < rounds; ++round) {
    const key = await createKey();
    const open = await Promise.all([connect(key.secret), connect(key.secret)]);
    for (const socket of open) await echo(socket, 'hello');
    const revoked = await ask('DELETE', `/v1/keys/${key.key_id}`);
    for (const socket of open) {
      const closed = await socket.closed;
      assert.deepStrictEqual([closed.code, closed.reason], [1008, 'revoked']);
      times.push(closed.at - revoked.at);
    }
    assert.strictEqual(await refusal(key.secret), 403);
  }
  await echo(stayer, 'still here');
  stayer.close();
  await stayer.closed;
  times.sort((a, b) => a - b);
  const middle = times[times.length >> 1];
  console.log(`closed after the 2xx: median ${middle.toFixed(1)} ms, longest ${times.at(-1).toFixed(1)} ms`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
