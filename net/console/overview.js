// The first view: what is being revoked, and whether the gateways follow.
import { h, fill } from './dom.js';
import { get, isAbort } from './api.js';
import { every } from './poll.js';
import { count, duration } from './format.js';
import { readMetrics, valueOf, histogramOf, quantileMs } from './metrics.js';
import { revocationsPanel } from './revocations_panel.js';
import { gatewaysPanel } from './gateways_panel.js';
import { enginesPanel } from './engines_panel.js';
import { propagationPanel } from './propagation_panel.js';

const propagation = 'revoked_propagation_seconds';

function tile(label) {
  const value = h('dd', {}, '–');
  return { node: h('div', { class: 'tile' }, h('dt', {}, label), value), set: (text) => fill(value, text) };
}

export function overview(main, { signal, live }) {
  const tiles = {
    enforced: tile('Gateways current'),
    rate: tile('Revocations a minute'),
    p99: tile('Propagation, 99 %'),
    keys: tile('Keys in memory'),
  };
  const gateways = gatewaysPanel();
  const engines = enginesPanel(signal);
  const spread = propagationPanel();
  const showRate = () => {
    if (live.state !== 'denied') tiles.rate.set(count(live.rates().reduce((a, b) => a + b, 0)));
  };
  fill(
    main,
    h('h1', { class: 'unseen', tabindex: '-1' }, 'Overview'),
    h(
      'dl',
      { class: 'tiles' },
      Object.values(tiles).map(({ node }) => node),
    ),
    h(
      'div',
      { class: 'columns' },
      revocationsPanel(live, signal),
      h('div', { class: 'column' }, gateways.node, spread.node, engines),
    ),
  );

  every(1000, signal, async () => {
    showRate();
    try {
      const list = (await get('/v1/gateways', { permission: 'gateways:read', signal })).gateways;
      const current = list.filter(({ state }) => state === 'current').length;
      tiles.enforced.set(list.length ? `${current}/${list.length}` : 'none');
      gateways.show(list);
    } catch (error) {
      if (isAbort(error)) throw error;
      gateways.fail(error);
      return !error.permission;
    }
    return true;
  });
  every(3000, signal, async () => {
    try {
      const metrics = await readMetrics(signal);
      const buckets = histogramOf(metrics, propagation);
      tiles.keys.set(count(valueOf(metrics, 'revoked_keys') ?? 0));
      const slowest = quantileMs(buckets, 0.99);
      tiles.p99.set(slowest === null ? '–' : `≤ ${duration(slowest)}`);
      spread.show(buckets);
      gateways.setSlowest((name) =>
        quantileMs(
          histogramOf(metrics, propagation, (labels) => labels.gateway === name),
          0.99,
        ),
      );
    } catch (error) {
      if (isAbort(error)) throw error;
      spread.fail(error);
      return !error.permission && error.status !== 404;
    }
    return true;
  });
}
