// What denies keys, as it happens: the engine's stream of invalidations, or, for a caller without the permission
// `gateway`, the audit trail again and again. Goes on while the reader looks at other views.
import { events } from './stream.js';
import { get, isAbort } from './api.js';
import { pause } from './poll.js';
import { isAfter } from './format.js';

const mostEntries = 200;
const seconds = 60;
const verbs = new Set([
  'key.revoked',
  'owner.revoked',
  'key.suspended',
  'owner.locked',
  'owner.unlocked',
  'key.changed',
  'key.rotated',
]);
const isRevocation = (type) => type === 'key.revoked' || type === 'owner.revoked';
const ofTrail = (page) =>
  page.entries.filter(({ verb }) => verbs.has(verb)).map((entry) => ({ ...entry, type: entry.verb }));

export class Live extends EventTarget {
  entries = []; // newest first
  state = 'connecting'; // 'stream', 'audit', 'away'; 'denied'
  #buckets = new Map(); // second → revocations
  #position = null;
  #stop = new AbortController();
  #told = 0;

  start() {
    this.#run().catch((error) => {
      if (!isAbort(error)) this.#enter('denied');
    });
  }
  stop() {
    this.#stop.abort();
  }

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
        if (error.status === 410) [this.#position, this.entries] = [null, []]; // another journal
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
          const page = await get('/v1/audit', {
            query: { after, limit: 1000 },
            permission: 'audit:read',
            signal,
          });
          this.#add(ofTrail(page), ({ at }) => Date.parse(at));
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
      if (list.length)
        this.#add(list, Date.now, (event) => ({ ...event, at, position: `${epoch}-${event.sequence}` }));
    }
    this.#enter('away');
  }

  async #followAudit(signal) {
    this.#position ??= await get('/healthz', { signal }).then(({ epoch, applied }) => `${epoch}-${applied}`);
    for (;;) {
      const page = await get('/v1/audit', {
        query: { after: this.#position, limit: 1000 },
        permission: 'audit:read',
        signal,
      });
      if (this.state !== 'audit') this.#enter('audit');
      this.#position = page.position;
      this.#add(ofTrail(page));
      if (!page.more) await pause(2000, signal);
    }
  }

  // `list`: in the order of time. Of a long one only the end is completed and kept, but all of it is counted.
  #add(list, timeOf = Date.now, complete = (entry) => entry) {
    for (const event of list) {
      if (!isRevocation(event.type)) continue;
      const second = Math.floor(timeOf(event) / 1000);
      this.#buckets.set(second, (this.#buckets.get(second) ?? 0) + 1);
    }
    const oldest = Math.floor(Date.now() / 1000) - 2 * seconds;
    for (const second of this.#buckets.keys()) if (second < oldest) this.#buckets.delete(second);
    const newest = this.entries[0];
    const fresh = list
      .slice(-mostEntries)
      .map(complete)
      .filter(({ position }) => !newest || isAfter(position, newest.position));
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
