// Follows an engine's stream of invalidations and caches its decisions (docs/protocol.md), with nothing but Node. A gap
// is read again from where it began. All else that does not continue what came before (a new epoch, another journal,
// an unknown event, an unreadable message) empties the cache. It sends no reports: receipts do not count it.
const { createHash } = require('node:crypto');
const { uptime: now } = require('node:os'); // cannot be set, and goes on during a suspension
const { setTimeout: sleep } = require('node:timers/promises');

const [relateEvery, maxSkew, maxEntries, maxLine] = [30, 0.05, 100_000, 2 << 20]; // seconds, seconds, -, characters
const known = /^(key\.(revoked|suspended|changed)|owner\.(revoked|locked|unlocked))$/;
const digestOf = (secret) => createHash('sha256').update(secret).digest('hex');

exports.Follower = class {
  constructor(engine, key, lease = 3) { // the key has permission `gateway`
    Object.assign(this, { engine, lease, leaseEnd: 0, wall: 0 });
    this.headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
    this.begin('', 0, 0);
    this.follow();
  }

  async check(secret, attempts = 5) { // the engine's decision; its state may also be `stale` or `unavailable`
    const decision = this.cached(secret) ?? (await this.ask(secret).catch(() => ({ state: 'unavailable' })));
    if (decision || attempts === 1) return decision ?? { state: 'unavailable' };
    return sleep(20).then(() => this.check(secret, attempts - 1)); // an event has overtaken the answer
  }

  cached(secret) { // undefined: ask the engine
    if (now() >= this.leaseEnd) return { state: 'stale' };
    const found = this.complete ? this.decisions.get(digestOf(secret)) : undefined;
    return found && this.covers(found) ? this.atThisTime(found) : undefined;
  }

  covers(decision) { // every applied event that concerns it
    const [epoch, sequence] = decision.as_of.split('-').map(Number);
    if (decision.journal !== this.journal || epoch !== this.epoch || sequence < this.floor) return false;
    const since = (scope) => this.marks.get(`${scope} ${decision[scope]}`) ?? 0;
    return ['key_id', 'user', 'application', 'workspace'].every((scope) => since(scope) <= sequence);
  }

  atThisTime(decision) { // by the engine's clock
    const ends = decision.state === 'active' && decision.expires_at;
    return ends && now() + this.wall >= Date.parse(ends) / 1000 ? { state: 'expired' } : decision;
  }

  async ask(secret) {
    const [url, body] = [`${this.engine}/v1/keys/verify?echo=secret_sha256`, JSON.stringify({ secret })];
    const response = await fetch(url, { method: 'POST', headers: this.headers, body, signal: AbortSignal.timeout(2000) });
    if (response.status === 400) return { state: 'unknown' };
    const answer = await response.json();
    if (answer.secret_sha256 !== digestOf(secret)) throw new Error('the answer to another question');
    if (now() >= this.leaseEnd || !this.covers(answer)) return undefined;
    const keeps = this.complete && /^(active|revoked)$/.test(answer.state); // else what it contradicts goes too
    this.decisions[keeps ? 'set' : 'delete'](digestOf(secret), answer);
    return this.atThisTime(answer);
  }

  async follow() {
    for (;; await sleep(Math.min(Math.max(20, (now() - this.leaseEnd) * 1000), 1000))) {
      await this.readStream().catch((error) => {
        if (error instanceof SyntaxError) this.begin('', 0, 0); // unreadable: a second try would not help
        console.warn("the engine's stream was lost:", error.cause?.message ?? error.message);
      });
    }
  }

  async readStream() {
    const abort = new AbortController();
    const silence = setTimeout(() => abort.abort(), 2500);
    const place = this.journal && { 'Last-Event-ID': `${this.epoch}-${this.sequence}-${this.journal}` };
    const headers = { ...this.headers, ...place, Accept: 'text/event-stream' };
    const stream = { asked: now(), rest: '' };
    const response = await fetch(`${this.engine}/v1/invalidations`, { headers, signal: abort.signal });
    if (response.status === 410) return this.begin('', 0, 0);
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
      silence.refresh();
      const lines = (stream.rest + piece).split('\n');
      stream.rest = lines.pop();
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => JSON.parse(line.slice(5)));
      if (!data.every((message) => this.receive(message, stream))) return;
      if (stream.rest.length > maxLine || now() > stream.asked + relateEvery) return;
    }
  }

  receive(message, stream) { // false: the stream is to be opened again
    if (!this.apply(message)) return false;
    if (message.first !== message.last + 1 || message.last !== this.sequence) return true;
    if ('boot' in stream && now() >= this.leaseEnd) return false; // it may be as old as our pause
    stream.boot ??= stream.asked - message.up / 1000; // when the engine's `up` was 0, or before: it was sent later
    const sent = stream.boot + message.up / 1000;
    if (!(sent <= now() + maxSkew)) return false;
    this.leaseEnd = Math.max(this.leaseEnd, sent + this.lease);
    this.wall = Date.parse(message.at) / 1000 - sent;
    return (this.complete = true);
  }

  begin(journal, epoch, sequence) { // with an empty cache; no answer from before is accepted
    Object.assign(this, { journal, epoch, sequence, floor: sequence, complete: false, decisions: new Map(), marks: new Map() });
    return journal !== '';
  }

  apply({ journal, epoch, first, last, events }) {
    if (![epoch, first, last].every(Number.isSafeInteger) || !Array.isArray(events)) throw new SyntaxError();
    if (epoch > this.epoch) return this.begin(journal, epoch, last);
    if (epoch !== this.epoch || journal !== this.journal) return false; // another history
    for (const event of events) {
      if (!known.test(event?.type)) return this.begin(journal, epoch, last);
      // Of an owner within others, all keys: those that it does not concern cost a question.
      const mark = event.key_id ? `key_id ${event.key_id}` : `${event.scope} ${event.id}`;
      this.marks.set(mark, Math.max(event.sequence, this.marks.get(mark) ?? 0));
    }
    if (first > this.sequence + 1) return (this.complete = false);
    this.sequence = Math.max(this.sequence, last);
    return this.marks.size + this.decisions.size <= maxEntries || this.begin(journal, epoch, this.sequence);
  }
};
