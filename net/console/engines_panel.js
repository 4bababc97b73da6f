// The engines of this installation; an engine that does not list them shows its own health.
import { h, fill, isInUse } from './dom.js';
import { get, isAbort, reach } from './api.js';
import { every } from './poll.js';
import { count } from './format.js';
import { panel, table, badge, refusal } from './parts.js';

const columns = [
  { title: 'Engine', cell: ({ url }) => h('span', { class: 'id' }, url) },
  { title: 'Role', class: 'tight', cell: ({ role }) => role ?? '' },
  { title: 'State', class: 'tight', cell: ({ state }) => badge(state) },
  { title: 'Position', class: 'tight', cell: ({ position }) => position ?? '–' },
  {
    title: 'Lag',
    class: 'number',
    cell: ({ lag }) => (lag === undefined || lag === null ? '–' : count(lag)),
  },
];

// /healthz is open to all.
async function ownHealth(signal) {
  const health = await (await reach('/healthz', { signal })).json();
  const position = health.epoch === undefined ? undefined : `${health.epoch}-${health.applied}`;
  return {
    url: location.origin,
    role: 'single',
    state: health.status,
    position,
    lag: health.applied - health.durable,
    redis: health.redis,
  };
}

let isListed = true;

async function engines(signal) {
  try {
    if (!isListed) return [await ownHealth(signal)];
    return (await get('/v1/engines', { permission: 'gateways:read', signal })).engines;
  } catch (error) {
    if (error.status !== 404 && error.status !== 403) throw error;
    isListed = error.status !== 404;
    return [await ownHealth(signal)];
  }
}

export function enginesPanel(signal) {
  const body = h('div', {});
  const redis = h('span', {});
  every(2000, signal, async () => {
    try {
      const list = await engines(signal);
      if (!isInUse(body)) fill(body, table('Engines', columns, list));
      const { redis: bus } = await ownHealth(signal);
      fill(redis, bus && badge(bus, bus === 'connected' ? 'Redis connected' : 'Redis away'));
    } catch (error) {
      if (isAbort(error)) throw error;
      fill(body, refusal(error));
    }
  });
  return panel('Engines', { tools: redis }, body);
}
