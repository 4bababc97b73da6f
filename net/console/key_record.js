// What the engine knows about a key.
import { h } from './dom.js';
import { plural, time, titled } from './format.js';
import { facts, ownerLink } from './parts.js';

export const recordFacts = (key) =>
  facts(
    ['Name', key.name],
    ...['user', 'application', 'workspace'].map((scope) => [
      titled(scope),
      key[scope] && ownerLink(scope, key[scope]),
    ]),
    [
      'Permissions',
      key.permissions.length ? key.permissions.map((permission) => [h('code', {}, permission), ' ']) : 'none',
    ],
    ['Expires', key.expires_at ? time(key.expires_at) : 'never'],
    ['Last used', key.last_used_at ? time(key.last_used_at) : 'not known to have been used'],
    [
      'Secrets',
      key.secrets.length
        ? key.secrets.map(({ position, ends_at: at }) =>
            h('div', {}, `since ${position}, `, at ? ['ends ', time(at)] : 'without an end'),
          )
        : 'none is valid',
    ],
    [
      'Metadata',
      key.metadata &&
        h('pre', { tabindex: '0', 'aria-label': 'Metadata' }, JSON.stringify(key.metadata, null, 1)),
    ],
  );

export function usedAfter({ count: attempts, first_at: first, last_at: last, gateways }) {
  return h(
    'div',
    { class: 'alarm' },
    h('strong', {}, `${plural(attempts, 'attempt')} while it was denied`),
    ', from ',
    time(first),
    ' to ',
    time(last),
    ' at ',
    gateways.map((name, i) => [i > 0 && ', ', h('span', { class: 'id' }, name)]),
    '.',
  );
}
