// A service with Express and WebSockets behind the middleware; it answers with the headers that it got. As a program for
// the tests: ENGINE, ENGINE_KEY, LEASE and PORT are environment variables.
'use strict';
const http = require('node:http');
const express = require('express'); // npm install express ws
const { WebSocketServer } = require('ws');
const { Follower } = require('./follower.js');
const { check, guard } = require('./express.js');

const { ENGINE = 'http://127.0.0.1:7385', ENGINE_KEY, LEASE = '3', PORT = '3000', PREFLIGHT = 'deny' } = process.env;
const follower = new Follower(ENGINE, ENGINE_KEY, Number(LEASE));

const app = express();
app.use(guard(follower, { preflight: PREFLIGHT }));
app.use((request, response) => {
  const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  response.type('text/plain').send(lines.join(''));
});

const sockets = new WebSocketServer({ noServer: true, maxPayload: 1 << 20 });
const server = http.createServer(app);
server.on('upgrade', async (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  const { status, headers } = await check(follower, request);
  if (status !== 200) {
    const lines = [`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`, 'Content-Length: 0', 'Connection: close'];
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
    return socket.end(lines.join('\r\n') + '\r\n\r\n');
  }
  sockets.handleUpgrade(request, socket, head, (accepted) => {
    accepted.on('error', () => accepted.terminate());
    accepted.on('message', (data, isBinary) => accepted.send(data, { binary: isBinary }));
  });
});

server.listen(Number(PORT), '127.0.0.1', () => console.log(`ready on ${server.address().port}`));
