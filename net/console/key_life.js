// What happened to a key, in the order of time.
import { h } from './dom.js';
import { time } from './format.js';

const step = (word, at, kind, detail) => ({ word, at, kind, detail });

// What only the audit trail knows comes from `entries`.
function lifeOf(key, entries) {
  const verbs = {
    'key.rotated': 'Rotated',
    'key.suspended': 'Suspended',
    'key.resumed': 'Resumed',
    'key.changed': 'Changed',
    'owner.locked': 'Locked',
    'owner.unlocked': 'Unlocked',
  };
  const kinds = {
    'key.suspended': 'warn',
    'owner.locked': 'warn',
    'key.resumed': 'good',
    'owner.unlocked': 'good',
  };
  const steps = [step('Created', key.created_at, 'good')];
  for (const { verb, at, reason } of entries)
    if (verbs[verb]) steps.push(step(verbs[verb], at, kinds[verb], reason));
  if (key.last_used_at) steps.push(step('Last used', key.last_used_at));
  if (key.revoked_at) steps.push(step('Revoked', key.revoked_at, 'bad', key.reason));
  if (key.used_after_revocation) steps.push(step('Last tried', key.used_after_revocation.last_at, 'bad'));
  if (key.expires_at && !key.revoked_at)
    steps.push(step(Date.parse(key.expires_at) < Date.now() ? 'Expired' : 'Expires', key.expires_at, 'warn'));
  return steps.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

export const lifeList = (key, entries) =>
  h(
    'ol',
    { class: 'life', 'aria-label': 'Life' },
    lifeOf(key, entries).map(({ word, at, kind, detail }) =>
      h('li', { class: kind ?? 'plain' }, h('strong', {}, word), time(at), detail && h('q', {}, detail)),
    ),
  );
