// How long it took from the publication of a revocation until the gateways' reports that they had applied it.
import { h, fill } from './dom.js';
import { bar, histogramRows } from './chart.js';
import { panel, note, refusal } from './parts.js';

export function propagationPanel() {
  const body = h('div', {});
  const rowOf = ({ label, part, text, share }) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, label),
      h('td', { class: 'bar-cell' }, bar(part)),
      h('td', { class: 'number' }, text),
      h('td', { class: 'number faint' }, share),
    );
  return {
    node: panel('Propagation', { tools: h('span', { class: 'faint' }, 'since the engine started') }, body),
    show(buckets) {
      const rows = histogramRows(buckets);
      fill(
        body,
        rows.length === 0
          ? note('No gateway has reported a revocation yet.')
          : h(
              'table',
              { class: 'histogram', 'aria-label': 'Reports of gateways by how long they took' },
              h(
                'thead',
                { class: 'unseen' },
                h(
                  'tr',
                  {},
                  ['Within', 'Bar', 'Reports', 'Share'].map((text) => h('th', { scope: 'col' }, text)),
                ),
              ),
              h('tbody', {}, rows.map(rowOf)),
            ),
      );
    },
    fail: (error) =>
      fill(
        body,
        error.status === 404 ? note('This engine serves no metrics (--metrics off).') : refusal(error),
      ),
  };
}
