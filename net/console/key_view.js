// One key: its record, its life, what became of it, and the verbs that deny it or let it live.
import { h, fill } from './dom.js';
import { get, isAbort, keyPath } from './api.js';
import { panel, badge, note, button, refusal, positionLink } from './parts.js';
import { changeDialog } from './change_dialog.js';
import { changesOf } from './key_changes.js';
import { lifeList } from './key_life.js';
import { recordFacts, usedAfter } from './key_record.js';
import { followReceipt } from './receipt.js';
import { trailPanel } from './trail.js';

export function keyView(main, { id, signal }) {
  const heading = h('h1', { class: 'id', tabindex: '-1' }, id); // stays, since it has the focus
  const state = h('span', {});
  const actions = h('div', { class: 'actions' });
  const record = h('div', {}, note('Reading…'));
  const life = h('div', {});
  let key = null;
  let entries = [];
  const showLife = () => key && fill(life, lifeList(key, entries));

  async function change(kind) {
    if (!(await changeDialog(changesOf(key)[kind]))) return;
    await read();
    (actions.querySelector('button') ?? heading).focus();
  }
  function show() {
    const isDead = key.state === 'revoked';
    fill(state, badge(key.state));
    fill(
      actions,
      !isDead &&
        (key.state === 'suspended'
          ? button('Resume', () => change('resume'))
          : button('Suspend', () => change('suspend'))),
      !isDead && button('Revoke', () => change('revoke'), 'danger'),
    );
    fill(record, recordFacts(key));
    fill(
      more,
      key.used_after_revocation && panel('Use after revocation', {}, usedAfter(key.used_after_revocation)),
      key.revoked_position && panel('Receipt', { tools: positionLink(key.revoked_position) }, receipt),
    );
    if (key.revoked_position) followReceipt(receipt, key.revoked_position, signal);
    showLife();
  }
  async function read() {
    try {
      key = await get(keyPath(id), { permission: 'keys:read', signal });
      show();
    } catch (error) {
      if (isAbort(error)) return;
      fill(record, error.status === 404 ? note('No such key, or not one that you may see.') : refusal(error));
    }
  }
  const more = h('div', { class: 'column' });
  const receipt = h('div', { class: 'receipt' });
  fill(
    main,
    h('p', { class: 'eyebrow' }, 'Key'),
    h('div', { class: 'head' }, heading, state, actions),
    h(
      'div',
      { class: 'columns' },
      panel('Record', {}, record),
      h('div', { class: 'column' }, panel('Life', {}, life), more),
    ),
    trailPanel({ key_id: id }, signal, (list) => {
      entries = list;
      showLife();
    }),
  );
  return read();
}
