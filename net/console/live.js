// What denies keys, as it happens: the engine's stream of invalidations, or, for a caller without the permission
// `gateway`, the audit trail again and again. Goes on while the reader looks at other views.
import { events } from './stream.js';
import { get, isAbort } from './api.js';
import { pause } from './poll.js';
import { isAfter } from './format.js';

const mostEntries = 200;
const seconds = 60;
const verbs = new Set(['key.revoked', 'owner.revoked', 'key.suspended', 'owner.locked', 'owner.unlocked', 'key.changed', 'key.rotated']);
const isRevocation = (entry) => entry.type === 'key.revoked' || entry.type === 'owner.revoked';

export class Live extends EventTarget {
  entries = [];    // newest first
  state = 'connecting';  // 'stream', 'audit', 'away'; 'denied'
  total = 0;       // revocations since the start
  #buckets = new Map();  // second → revocations
  #position = null;
  #stop = new AbortController();
  #told = 0;

  start() {
    this.#run().catch((error) => { if (!isAbort(error)) this.#enter('denied'); });
  }
  stop() { this.#stop.abort(); }

  // Revocations in each of the last 60 seconds, oldest first.
  rates(now = Date.now()) {
    const last = Math.floor(now / 1000) - 1;
    return Array.from({ length: seconds }, (_, i) => this.#buckets.get(last - seconds + 1 + i) ?? 0);
  }

  async #run() {
    const signal = this.#stop.signal;
    await this.#loadPast(signal);
    for (let follow = (s) => this.#followStream(s); ;) {
      try {
        await follow(signal);
      } catch (error) {
        if (isAbort(error)) return;
        if (error.status === 403) {
          if (error.permission !== 'gateway') return this.#enter('denied');
          follow = (s) => this.#followAudit(s);
          continue;
        }
        if (error.status === 410) [this.#position, this.entries] = [null, []];  // another journal
        this.#enter('away');
      }
      await pause(1000, signal);
    }
  }

  // The newest entries of the audit trail. Its pages begin at a position, whose epoch is guessed: a recent one.
  async #loadPast(signal) {
    try {
      const { applied, epoch } = await get('/healthz', { signal });
      for (let from = epoch; from > Math.max(0, epoch - 3); --from) {
        const after = applied > 500 ? `${from}-${applied - 500}` : undefined;
        try {
          const page = await get('/v1/audit', { query: { after, limit: 1000 }, permission: 'audit:read', signal });
          this.#add(page.entries.filter((entry) => verbs.has(entry.verb)).map((entry) => ({ ...entry, type: entry.verb })), false);
          this.#position = page.position;
          return;
        } catch (error) {
          if (error.status !== 410) throw error;
        }
      }
    } catch (error) {
      if (isAbort(error)) throw error;
    }
  }

  async #followStream(signal) {
    const options = { permission: 'gateway', lastId: this.#position, signal };
    for await (const { id, data } of events('/v1/invalidations', options)) {
      const { epoch, at, events: list } = JSON.parse(data);
      if (this.state !== 'stream') this.#enter('stream');
      this.#position = id;
      if (list.length) this.#add(list.map((event) => ({ ...event, at, position: `${epoch}-${event.sequence}` })), true);
    }
    this.#enter('away');
  }

  async #followAudit(signal) {
    this.#position ??= await get('/healthz', { signal }).then(({ epoch, applied }) => `${epoch}-${applied}`);
    for (;;) {
      const page = await get('/v1/audit', { query: { after: this.#position, limit: 1000 }, permission: 'audit:read', signal });
      if (this.state !== 'audit') this.#enter('audit');
      this.#position = page.position;
      this.#add(page.entries.filter((entry) => verbs.has(entry.verb)).map((entry) => ({ ...entry, type: entry.verb })), true);
      if (!page.more) await pause(2000, signal);
    }
  }

  #add(list, isNew) {
    const now = Math.floor(Date.now() / 1000);
    for (const entry of list) {
      if (!isRevocation(entry)) continue;
      const second = isNew ? now : Math.floor(Date.parse(entry.at) / 1000);
      this.#buckets.set(second, (this.#buckets.get(second) ?? 0) + 1);
      if (isNew) this.total += 1;
    }
    for (const second of this.#buckets.keys()) if (second < now - 2 * seconds) this.#buckets.delete(second);
    const newest = this.entries[0];
    const fresh = list.slice(-mostEntries).filter((entry) => !newest || isAfter(entry.position, newest.position));
    this.entries = [...fresh.reverse(), ...this.entries].slice(0, mostEntries);
    this.#tell();
  }

  #enter(state) {
    this.state = state;
    this.#tell();
  }

  // At most ten times a second, whatever arrives.
  #tell() {
    if (this.#told) return;
    this.#told = setTimeout(() => {
      this.#told = 0;
      this.dispatchEvent(new Event('change'));
    }, 100);
  }
}
