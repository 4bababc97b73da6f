// The rate and the list of what denies keys, live.
import { h, fill, isInUse } from './dom.js';
import { bars } from './chart.js';
import { count, plural, time } from './format.js';
import { every } from './poll.js';
import { panel, table, badge, note, keyLink, ownerLink, positionLink } from './parts.js';

const words = {
  'key.revoked': ['revoked', 'revoked'],
  'owner.revoked': ['revoked', 'all revoked'],
  'key.suspended': ['suspended', 'suspended'],
  'owner.locked': ['locked', 'locked'],
  'owner.unlocked': ['active', 'unlocked'],
  'key.changed': ['plain', 'changed'],
  'key.rotated': ['plain', 'rotated'],
};
const states = {
  connecting: ['plain', 'connecting'],
  stream: ['active', 'live'],
  audit: ['active', 'every 2 s'],
  away: ['away', 'reconnecting'],
};

const ofScope = (scope, id) => [h('span', { class: 'faint' }, `${scope} `), ownerLink(scope, id)];
const target = (entry) => (entry.key_id ? keyLink(entry.key_id) : ofScope(entry.scope, entry.id));
const owner = (entry) =>
  entry.within
    ? ['in ', ofScope(entry.within.scope, entry.within.id)]
    : ['user', 'application', 'workspace']
        .filter((scope) => entry[scope])
        .slice(0, 1)
        .map((scope) => ofScope(scope, entry[scope]));

const columns = [
  { title: 'Time', class: 'tight', cell: ({ at }) => time(at) },
  { title: 'What', class: 'tight', cell: ({ type }) => badge(...(words[type] ?? ['plain', type])) },
  { title: 'Which', class: 'which', cell: target },
  { title: 'Owner', class: 'spare clip', cell: owner },
  { title: 'Reason', class: 'spare clip', cell: ({ reason }) => reason ?? '' },
  { title: 'Position', class: 'tight spare', cell: ({ position }) => positionLink(position) },
];

const lacking = () => {
  const either = [h('code', {}, 'gateway'), ' or ', h('code', {}, 'audit:read')];
  return note(['To follow revocations a key needs the permission ', ...either, '.'], 'lacking');
};

export function revocationsPanel(live, signal) {
  const state = h('span', {});
  const chart = h('div', { class: 'rate' });
  const list = h('div', { class: 'list' });
  let shownEntries = null;
  const showRate = () => {
    if (live.state === 'denied') return fill(chart);
    const rates = live.rates();
    const sum = rates.reduce((a, b) => a + b, 0);
    return fill(
      chart,
      bars(
        rates,
        `${plural(sum, 'revocation')} in the last minute, at most ${count(Math.max(...rates))} in a second`,
      ),
      h('div', { class: 'axis' }, h('span', {}, '60 s ago'), h('span', {}, 'now')),
    );
  };
  const show = () => {
    fill(state, states[live.state] && badge(...states[live.state]));
    if (live.state === 'denied') return fill(list, lacking());
    if (live.entries === shownEntries || isInUse(list)) return list;
    shownEntries = live.entries;
    return fill(
      list,
      live.entries.length
        ? table('Newest revocations, suspensions and locks', columns, live.entries.slice(0, 30))
        : note('Nothing has been revoked lately.'),
    );
  };
  live.addEventListener('change', show, { signal });
  show();
  every(1000, signal, () => {
    showRate();
    show();
  });
  return panel('Revocations', { tools: state }, chart, list);
}
