// A server of WebSockets that ends a socket as soon as its key is denied. Behind a proxy, beside revoked-gateway.
//
// The credential of the upgrade opens GET /watch at the gateway: its answer says whether to accept the socket, and it
// stays open until the key is denied. So there is no moment between a check and a watch. All sockets of one credential
// share one watch.
'use strict';
const http = require('node:http');
const { WebSocketServer } = require('ws'); // npm install ws

const gateway = process.env.GATEWAY ?? 'http://127.0.0.1:7386';
const denied = 1008; // close codes: RFC 6455, section 7.4.1; "try again later" is registered with IANA
const tryAgainLater = 1013;
const silenceMs = 45_000; // the gateway sends something every 15 s

const watches = new Map(); // by credential

class Watch {
  constructor(credential, headers) {
    this.credential = credential;
    this.headers = headers;
    this.sockets = new Set();
    this.isOver = false;
    this.answer = this.open();
  }

  // {status, reason}: 200 while the key is allowed.
  open() {
    return new Promise((resolve) => {
      const fail = () => {
        resolve({ status: 503, reason: 'unavailable' });
        this.end(tryAgainLater, 'unavailable');
      };
      const request = http.get(`${gateway}/watch`, { headers: this.headers, agent: false });
      request.setTimeout(silenceMs, () => request.destroy(new Error('the gateway is silent')));
      request.on('error', fail);
      request.on('response', (response) => {
        const reason = response.headers['x-revoked-reason'] ?? 'unavailable';
        resolve({ status: response.statusCode, reason });
        if (response.statusCode !== 200) {
          response.resume();
          return this.end(response.statusCode === 503 ? tryAgainLater : denied, reason);
        }
        let text = '';
        response.setEncoding('utf8');
        response.on('error', fail);
        response.on('data', (piece) => {
          text = (text + piece).slice(-256);
          const event = /event: denied\ndata: (.*)\n\n/.exec(text);
          if (event) this.end(event[1] === 'stale' ? tryAgainLater : denied, event[1]);
        });
        // It ended without a reason, say with its gateway: ask again. Who cannot be asked about is ended.
        response.on('end', () => {
          if (!this.isOver) this.answer = this.open();
        });
      });
      this.request = request;
    });
  }

  add(socket) {
    this.sockets.add(socket);
    socket.on('close', () => {
      this.sockets.delete(socket);
      if (this.sockets.size === 0) this.end();
    });
  }

  end(code, reason) {
    if (this.isOver) return;
    this.isOver = true;
    if (watches.get(this.credential) === this) watches.delete(this.credential);
    this.request?.destroy();
    for (const socket of this.sockets) {
      socket.removeAllListeners('message');
      socket.close(code, reason);
      setTimeout(() => socket.terminate(), 1000).unref(); // a client that does not close
    }
  }
}

function watchOf(request) {
  const headers = {};
  for (const name of ['authorization', 'x-api-key']) {
    if (request.headers[name] !== undefined) headers[name] = request.headers[name];
  }
  const credential = JSON.stringify(headers);
  let watch = watches.get(credential);
  if (!watch) {
    watch = new Watch(credential, headers);
    watches.set(credential, watch);
  }
  return watch;
}

const sockets = new WebSocketServer({ noServer: true, maxPayload: 1 << 20 });
const server = http.createServer((request, response) => response.writeHead(426).end());

// A watch that is over by the time of its answer, because its last socket has closed, says nothing.
async function startOf(request) {
  while (true) {
    const watch = watchOf(request);
    const { status, reason } = await watch.answer;
    if (status !== 200 || !watch.isOver) return { watch, status, reason };
  }
}

server.on('upgrade', async (request, socket, head) => {
  socket.on('error', () => socket.destroy());
  const { watch, status, reason } = await startOf(request);
  if (status !== 200) {
    const line = `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`;
    return socket.end(`${line}\r\nX-Revoked-Reason: ${reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  }
  sockets.handleUpgrade(request, socket, head, (accepted) => {
    watch.add(accepted);
    accepted.on('error', () => accepted.terminate());
    accepted.on('message', (data, isBinary) => accepted.send(data, { binary: isBinary })); // the service: an echo
  });
  // The client left before it was accepted.
  if (watch.sockets.size === 0) watch.end();
});

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`ready on ${server.address().port}`);
});
