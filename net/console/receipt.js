// Which gateways enforce a change: each turns from waiting to enforced, with how and after how long.
import { h, fill, announce } from './dom.js';
import { get, isAbort } from './api.js';
import { pause } from './poll.js';
import { count, duration, plural } from './format.js';
import { badge, note, refusal } from './parts.js';

const mostShown = 200;
const pauses = [20, 40, 80, 160, 320, 640];

const read = (position, signal) =>
  get(`/v1/receipts/${encodeURIComponent(position)}`, { permission: 'gateways:read', signal });

function row(name, state, text, title) {
  return h(
    'li',
    { class: `turn ${state}` },
    h('span', { class: 'id' }, name),
    badge(state),
    h('span', { class: 'number', title }, text),
  );
}

const enforcedRow = ({ name, by, after_ms: ms }) =>
  row(name, by, duration(ms), ms === null ? 'It was past this change when it first reported' : undefined);

function summary({ gateways, waiting, max_ms: slowest }) {
  const all = gateways.length + waiting.length;
  if (all === 0) return 'No gateway is known: only the engine has to deny.';
  if (waiting.length)
    return `${count(gateways.length)} of ${plural(all, 'gateway')} ${gateways.length === 1 ? 'enforces' : 'enforce'} it.`;
  const after = slowest === null ? '' : `, the slowest after ${duration(slowest)}`;
  return all === 1
    ? `The gateway enforces it${slowest === null ? '' : ` after ${duration(slowest)}`}.`
    : `All ${count(all)} gateways enforce it${after}.`;
}

function show(node, receipt) {
  const { gateways, waiting } = receipt;
  const rows = [...gateways].sort((a, b) => (a.after_ms ?? 0) - (b.after_ms ?? 0));
  const all = rows.length + waiting.length;
  fill(
    node,
    h('p', { class: 'turn-sum' }, summary(receipt)),
    all > 0 && h('progress', { max: all, value: rows.length, 'aria-label': 'Gateways that enforce it' }),
    h(
      'ul',
      { class: 'turns', 'aria-label': 'Gateways' },
      waiting.slice(0, mostShown).map((name) => row(name, 'waiting', '…')),
      rows.slice(0, mostShown).map(enforcedRow),
    ),
    all > mostShown && note(`Not all of ${count(all)} are shown.`),
  );
}

// Follows a receipt in `node` until every gateway enforces it, or the signal is aborted.
export async function followReceipt(node, position, signal) {
  try {
    for (let turn = 0; ; ++turn) {
      const receipt = await read(position, signal);
      show(node, receipt);
      if (receipt.waiting.length === 0) return announce(summary(receipt));
      await pause(pauses[Math.min(turn, pauses.length - 1)], signal);
    }
  } catch (error) {
    if (isAbort(error) || signal.aborted) return undefined;
    return fill(node, refusal(error));
  }
}

// A closed receipt, which is read when it is opened.
export function receiptDetails(position, signal) {
  const body = h('div', { class: 'receipt' });
  const ontoggle = (event) => event.target.open && followReceipt(body, position, signal);
  return h('details', { ontoggle }, h('summary', {}, `Receipt of ${position}`), body);
}
