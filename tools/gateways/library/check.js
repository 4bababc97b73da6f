// Checks the keys of a file, one a line, and watches the first that is allowed until it is denied.
// npm install koffi && ENGINE_KEY_FILE=gateway.key node check.js keys.txt
'use strict';
const { readFileSync } = require('node:fs');
const { Socket } = require('node:net');
const koffi = require('koffi');

const TEXT_SIZE = 4096;
const Decision = koffi.struct('revoked_decision', {
  size: 'size_t', result: 'int32_t', is_stale: 'int32_t', reason: 'const char *', expires_at: 'int64_t',
  epoch: 'uint64_t', sequence: 'uint64_t', key_id: 'const char *', user: 'const char *', application: 'const char *',
  workspace: 'const char *', permissions: 'const char *', permissions_are_cut: 'int32_t', reserved: 'int32_t',
}); // and then the text
const Status = koffi.struct('revoked_gateway_status', {
  size: 'size_t', version: 'const char *', coverage: 'int32_t', has_failed: 'int32_t', redis_connected: 'int32_t',
  feed_connected: 'int32_t', epoch: 'uint64_t', sequence: 'uint64_t', since_proof: 'int64_t', cached: 'uint64_t',
  watches: 'uint64_t', hits: 'uint64_t', misses: 'uint64_t', questions: 'uint64_t', failed_questions: 'uint64_t',
  invalidations: 'uint64_t', last_error: koffi.array('char', 256),
});
const library = koffi.load(process.env.REVOKED_LIBRARY || 'librevoked-gateway.so.0');
const open = library.func('void *revoked_open(const char **options, void *log, void *context, void *error, size_t size)');
const question = '(void *gateway, const char *secret, size_t size, const char *client, int timeout, void *decision)';
const check = library.func(`int revoked_check${question}`);
const watch = library.func(`int revoked_watch${question}`);
const status = library.func('int revoked_status(void *gateway, void *status)');
const close = library.func('void revoked_close(void *gateway)');

function sized(bytes) {
  const buffer = Buffer.alloc(bytes);
  buffer.writeBigUInt64LE(BigInt(bytes));
  return buffer;
}

class Gateway {
  constructor(options) {
    const pairs = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    const error = Buffer.alloc(256);
    this.gateway = open([...pairs, null], null, null, error, error.length);
    if (!this.gateway) throw new Error(error.toString('utf8', 0, error.indexOf(0)));
  }

  // At once if the key is in memory, or else on a thread of libuv: the event loop never waits.
  async check(secret, client = null) {
    const decision = sized(koffi.sizeof(Decision) + TEXT_SIZE);
    const asked = [this.gateway, secret, Buffer.byteLength(secret), client];
    check(...asked, 0, decision);
    if (koffi.decode(decision, Decision).reason === 'undecided')
      await new Promise((done) => check.async(...asked, -1, decision, done));
    return koffi.decode(decision, Decision); // .result is 1 if it is allowed
  }

  // The reason, once the key is denied; empty if the gateway was closed; null if it is not allowed. `socket` may be
  // destroyed to end the watch.
  async watch(secret, client = null) {
    const asked = [this.gateway, secret, Buffer.byteLength(secret), client];
    const fd = await new Promise((done) => watch.async(...asked, -1, null, (error, result) => done(error ? -1 : result)));
    if (fd < 0) return null;
    const socket = new Socket({ fd, readable: true, writable: false });
    const denied = new Promise((done) => {
      let reason = '';
      socket.on('data', (bytes) => { reason += bytes; }).on('close', () => done(reason)).on('error', () => {});
    });
    return { socket, denied };
  }

  status() {
    const buffer = sized(koffi.sizeof(Status));
    status(this.gateway, buffer);
    return koffi.decode(buffer, Status);
  }

  close() { close(this.gateway); }
}

async function main() {
  const gateway = new Gateway({
    engine: process.env.ENGINE || 'http://127.0.0.1:7385', redis: process.env.REDIS || '',
    'engine-key-file': process.env.ENGINE_KEY_FILE || '/etc/revoked/gateway.key',
  });
  const allowed = [];
  for (const secret of readFileSync(process.argv[2], 'utf8').split(/\s+/).filter(Boolean)) {
    const decision = await gateway.check(secret);
    if (decision.result === 1) allowed.push(secret);
    console.log(decision.result === 1 ? `allowed: ${decision.key_id} of user '${decision.user}'` : decision.reason);
  }
  const watched = allowed.length && await gateway.watch(allowed[0]);
  if (watched) {
    console.log('watching');
    console.log(`denied: ${await watched.denied}`);
    console.log(`now: ${(await gateway.check(allowed[0])).reason}`);
  }
  const { coverage, cached } = gateway.status();
  console.log(`status: ${coverage === 2 ? 'current' : 'not current'}, ${cached} in memory`);
  gateway.close();
}

if (require.main === module) main();
module.exports = { Gateway };
