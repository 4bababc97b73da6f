// Each gateway: whether it follows, and how far behind it is.
import { h, fill, isInUse } from './dom.js';
import { count, duration, time } from './format.js';
import { panel, table, badge, note, refusal } from './parts.js';

const mostRows = 100;
const order = ['gone', 'stale', 'repairing', 'current'];
const policies = { deny: 'denies when stale', ask: 'asks when stale', serve: 'serves when stale' };

const bound = (ms) => (ms === null ? '–' : `≤ ${duration(ms)}`);

export function gatewaysPanel() {
  const body = h('div', {});
  let slowest = () => null;
  const columns = [
    { title: 'Name', cell: ({ name }) => h('span', { class: 'id' }, name) },
    { title: 'State', class: 'tight', cell: ({ state }) => badge(state) },
    {
      title: 'Lag',
      class: 'number',
      cell: ({ lag }) =>
        lag === null ? h('span', { title: 'It follows another journal' }, 'other') : count(lag),
    },
    { title: '99 %', class: 'number', cell: ({ name }) => bound(slowest(name)) },
    { title: 'Report', class: 'tight spare', cell: ({ reported_at: at }) => time(at) },
    {
      title: 'When stale',
      class: 'tight spare',
      cell: (row) =>
        h(
          'span',
          { title: `${policies[row.when_stale] ?? ''}, after ${duration(row.lease_ms)}` },
          row.when_stale,
        ),
    },
  ];
  return {
    node: panel('Gateways', {}, body),
    setSlowest: (find) => {
      slowest = find;
    },
    show(list) {
      if (isInUse(body)) return;
      const rows = [...list].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
      fill(
        body,
        rows.length === 0 && note('No gateway has reported to this engine.'),
        rows.length > 0 && table('Gateways', columns, rows.slice(0, mostRows)),
        rows.length > mostRows &&
          note(`and ${count(rows.length - mostRows)} more that are current or further down`),
      );
    },
    fail: (error) => fill(body, refusal(error)),
  };
}
