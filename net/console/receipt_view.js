// The receipt of one position.
import { h, fill } from './dom.js';
import { panel } from './parts.js';
import { followReceipt } from './receipt.js';

export function receiptView(main, { position, signal }) {
  const body = h('div', { class: 'receipt' });
  fill(
    main,
    h('p', { class: 'eyebrow' }, 'Receipt'),
    h('h1', { class: 'id', tabindex: '-1' }, position),
    panel('Gateways', { wide: true }, body),
  );
  followReceipt(body, position, signal);
}
