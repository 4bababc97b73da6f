// Entries of the audit trail.
import { h, fill } from './dom.js';
import { get, isAbort } from './api.js';
import { count, time } from './format.js';
import { panel, table, badge, note, button, refusal, keyLink, ownerLink } from './parts.js';
import { receiptDetails } from './receipt.js';

const pageSize = 200;
const tones = {
  'key.revoked': 'revoked',
  'owner.revoked': 'revoked',
  'key.suspended': 'suspended',
  'owner.locked': 'locked',
  'key.used_after_revocation': 'revoked',
  'key.created': 'active',
  'key.resumed': 'active',
  'owner.unlocked': 'active',
};
const denying = new Set([
  'key.revoked',
  'owner.revoked',
  'key.suspended',
  'owner.locked',
  'key.rotated',
  'key.changed',
]);
const kinds = { master_key: 'master key', key: 'key', token: 'token' };

const wordsOf = (verb) =>
  verb.replace(/^(key|owner)\./, (whole, of) => (of === 'owner' ? 'owner ' : '')).replaceAll('_', ' ');

function whatChanged({ changed, used, used_in_all: all, gateway, within }) {
  const parts = [];
  if (changed) parts.push(h('code', {}, JSON.stringify(changed)));
  if (used) parts.push(`${count(used.count)} attempts at ${gateway}, ${count(all.count)} at all gateways`);
  if (within) parts.push('within ', ownerLink(within.scope, within.id));
  return parts;
}

const who = ({ actor, actor_kind: kind }) =>
  kind === 'key'
    ? ['key ', keyLink(actor)]
    : kind === 'token'
      ? ['token ', h('span', { class: 'id' }, actor)]
      : (kinds[kind] ?? actor ?? '');

function columns(about, signal) {
  const target = (entry) =>
    entry.scope
      ? [`${entry.scope} `, ownerLink(entry.scope, entry.id)]
      : entry.key_id
        ? keyLink(entry.key_id)
        : '';
  return [
    { title: 'When', class: 'tight', cell: ({ at }) => time(at) },
    { title: 'What', class: 'tight', cell: ({ verb }) => badge(tones[verb] ?? 'plain', wordsOf(verb)) },
    ...(about.key_id ? [] : [{ title: 'Which', class: 'which', cell: target }]),
    { title: 'Who', class: about.key_id ? 'clip' : 'clip spare', cell: who },
    { title: 'From', class: 'tight spare', cell: ({ address }) => address ?? '' },
    {
      title: 'Details',
      cell: (entry) => [
        entry.reason && h('q', {}, entry.reason),
        ' ',
        ...whatChanged(entry),
        denying.has(entry.verb) && receiptDetails(entry.position, signal),
      ],
    },
  ];
}

// The trail about a key or a user: oldest first, as the engine gives it, more pages when asked. `onPage` gets its entries.
export function trailPanel(about, signal, onPage = () => {}) {
  const body = h('div', {}, note('Reading…'));
  const more = h('div', {});
  let entries = [];
  async function read(after) {
    try {
      const page = await get('/v1/audit', {
        query: { ...about, after, limit: pageSize },
        permission: 'audit:read',
        signal,
      });
      entries = [...entries, ...page.entries];
      onPage(entries);
      fill(
        body,
        entries.length ? table('Audit trail', columns(about, signal), entries) : note('Nothing yet.'),
      );
      fill(more, page.more && button('More', () => read(page.position)));
    } catch (error) {
      if (!isAbort(error)) fill(more, refusal(error));
      if (!isAbort(error) && entries.length === 0) fill(body);
    }
  }
  read();
  return panel('Audit trail', { wide: true }, body, more);
}
