// Pieces that several views show.
import { h, newId } from './dom.js';

// A titled region. `tools`: what stands beside the title.
export function panel(title, { tools, level = 2, wide = false } = {}, ...children) {
  const id = newId('panel');
  return h(
    'section',
    { class: wide ? 'panel wide' : 'panel', 'aria-labelledby': id },
    h('div', { class: 'panel-head' }, h(`h${level}`, { id }, title), tools),
    children,
  );
}

const tones = {
  active: 'good',
  current: 'good',
  ready: 'good',
  leader: 'good',
  applied: 'good',
  connected: 'good',
  suspended: 'warn',
  repairing: 'warn',
  waiting: 'warn',
  locked: 'warn',
  loading: 'warn',
  stale: 'warn',
  lease: 'good',
  away: 'warn',
  revoked: 'bad',
  gone: 'bad',
  storage_failed: 'bad',
};

// A state in words, with its colour beside them.
export const badge = (state, text = state) => h('span', { class: `badge ${tones[state] ?? 'plain'}` }, text);

export const note = (text, tone = 'plain') => h('p', { class: `note ${tone}` }, text);

// Why something could not be shown.
export function refusal(error) {
  if (error.permission)
    return note(['This key lacks the permission ', h('code', {}, error.permission), '.'], 'lacking');
  return note(error.message, 'bad');
}

export const keyLink = (id) => h('a', { class: 'id', href: `#/key/${encodeURIComponent(id)}` }, id);
export const ownerLink = (scope, id) =>
  h('a', { class: 'id', href: `#/${scope}/${encodeURIComponent(id)}` }, id);
export const positionLink = (position) =>
  h('a', { href: `#/receipt/${position}`, title: 'Which gateways enforce it' }, position);

// columns: [{title, cell(row), class, isHeader}]. The first column names the row.
export function table(label, columns, rows) {
  return h(
    'table',
    { 'aria-label': label },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        columns.map((column) => h('th', { scope: 'col', class: column.class }, column.title)),
      ),
    ),
    h(
      'tbody',
      {},
      rows.map((row) =>
        h(
          'tr',
          {},
          columns.map((column) => h('td', { class: column.class }, column.cell(row))),
        ),
      ),
    ),
  );
}

// facts: [[term, value]]; those without a value are left out.
export const facts = (...list) =>
  h(
    'dl',
    { class: 'facts' },
    list
      .filter(([, value]) => value !== undefined && value !== null && value !== '')
      .map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value))),
  );

export const button = (text, onclick, kind = '') =>
  h('button', { type: 'button', class: kind, onclick }, text);
