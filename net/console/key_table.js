// A list of keys, a page at a time.
import { h, fill } from './dom.js';
import { get, isAbort, ownerPaths } from './api.js';
import { plural, time, titled } from './format.js';
import { table, badge, note, button, refusal, keyLink, ownerLink } from './parts.js';

const pageSize = 50;
const mostEmpty = 40; // pages without a key, each of which has examined 50,000

const columns = [
  { title: 'Key', class: 'which', cell: ({ key_id: id }) => keyLink(id) },
  { title: 'Name', class: 'clip', cell: ({ name }) => h('span', { title: name }, name ?? '') },
  { title: 'State', class: 'tight', cell: ({ state }) => badge(state) },
  ...Object.keys(ownerPaths).map((scope) => ({
    scope,
    title: titled(scope),
    class: 'clip spare',
    cell: ({ [scope]: id }) => (id ? ownerLink(scope, id) : ''),
  })),
  { title: 'Created', class: 'tight spare', cell: ({ created_at: at }) => time(at) },
  { title: 'Last used', class: 'tight spare', cell: ({ last_used_at: at }) => time(at) },
];

// `of`: the scope that is the same in all of them.
export const keyTable = (keys, label = 'Keys', of = '') =>
  table(
    label,
    columns.filter(({ scope }) => !scope || scope !== of),
    keys,
  );

// Shows in `node` the keys that match, and a button for more. The returned function begins again.
export function pagedKeys(node, query, signal) {
  const of = Object.keys(query).find((name) => name in ownerPaths);
  let round = 0;
  async function begin(changes = {}) {
    const mine = ++round;
    query = { ...query, ...changes };
    const keys = [];
    await read(mine, keys, undefined);
  }
  async function read(mine, keys, cursor) {
    try {
      let page;
      for (let empty = 0; empty < mostEmpty; ++empty) {
        page = await get('/v1/keys', {
          query: { ...query, limit: pageSize, cursor },
          permission: 'keys:read',
          signal,
        });
        if (mine !== round) return;
        cursor = page.cursor;
        keys.push(...page.keys);
        if (page.keys.length || !cursor) break;
        fill(
          node,
          note(`Looking further: no such key among ${((empty + 1) * 50000).toLocaleString('en')} so far.`),
        );
      }
      fill(
        node,
        keys.length ? keyTable(keys, 'Keys', of) : note(cursor ? 'None yet.' : 'No such key.'),
        h(
          'div',
          { class: 'row' },
          h('span', { class: 'faint' }, plural(keys.length, 'key'), cursor ? ' shown' : ''),
          cursor && button('More', () => read(mine, keys, cursor)),
        ),
      );
    } catch (error) {
      if (!isAbort(error) && mine === round) fill(node, refusal(error));
    }
  }
  begin();
  return begin;
}
