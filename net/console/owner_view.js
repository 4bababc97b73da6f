// A user, an application or a workspace: how many keys it has, which, and its lock.
import { h, fill } from './dom.js';
import { isAbort, ownerPath } from './api.js';
import { plural, time, titled } from './format.js';
import { revocableOf } from './look_up.js';
import { panel, note, button, badge, refusal } from './parts.js';
import { changeDialog } from './change_dialog.js';
import { pagedKeys } from './key_table.js';
import { trailPanel } from './trail.js';

const states = ['', 'active', 'suspended', 'expired', 'revoked'];

// The last lock that the audit trail knows and that still holds.
function lockIn(entries, id) {
  const last = entries
    .filter((entry) => /^owner\.(un)?locked$/.test(entry.verb) && entry.id === id && !entry.within)
    .at(-1);
  return last?.verb === 'owner.locked' ? last : null;
}

function changes(scope, id, living) {
  const named = h('p', {}, `The ${scope} `, h('span', { class: 'id' }, id));
  const ends =
    living === null
      ? 'All keys that it has now end.'
      : living === 0
        ? 'It has no keys that could end.'
        : `${plural(living, 'key')} will end, at once, everywhere, and for good.`;
  return {
    revoke: {
      title: `Revoke all keys of this ${scope}?`,
      what: [
        named,
        h('p', {}, h('strong', {}, ends)),
        note('Keys that it gets later live. To keep those out too, lock it.'),
      ],
      verb: living ? `Revoke ${plural(living, 'key')}` : 'Revoke',
      isDanger: true,
      asksReason: true,
      method: 'DELETE',
      path: ownerPath(scope, id, 'keys'),
      done: ({ revoked }) => `${plural(revoked, 'key')} revoked`,
    },
    lock: {
      title: `Lock this ${scope}?`,
      what: [
        named,
        note(
          'Every key of it is denied, those created later too, until it is unlocked. The keys themselves live on.',
        ),
      ],
      verb: 'Lock',
      asksReason: true,
      method: 'PUT',
      path: ownerPath(scope, id, 'lock'),
      done: () => `The ${scope} is locked`,
    },
    unlock: {
      title: `Unlock this ${scope}?`,
      what: [named, note('Its keys are allowed again.')],
      verb: 'Unlock',
      asksReason: true,
      method: 'DELETE',
      path: ownerPath(scope, id, 'lock'),
      done: () => `The ${scope} is unlocked`,
    },
  };
}

export function ownerView(main, { scope, id, signal }) {
  const heading = h('h1', { class: 'id', tabindex: '-1' }, id);
  const lock = h('span', {});
  const counts = h('div', { class: 'sum' }, note('Counting…'));
  const keys = h('div', {}, note('Reading…'));
  const trail = h('div', {});
  let living = null;

  async function change(kind, event) {
    if (kind === 'revoke') await readCount();
    const made = await changeDialog(changes(scope, id, living)[kind]);
    event.target.focus();
    if (made) read();
  }
  async function readCount() {
    try {
      living = await revocableOf(scope, id, signal);
      fill(
        counts,
        h('p', { class: 'faint' }, h('strong', {}, plural(living, 'key')), ' that a revocation would end'),
      );
    } catch (error) {
      if (!isAbort(error)) fill(counts, refusal(error));
    }
  }
  function showLock(entries) {
    const held = lockIn(entries, id);
    fill(
      lock,
      held && [badge('locked'), ' since ', time(held.at), held.reason && [', ', h('q', {}, held.reason)]],
    );
  }
  const state = h(
    'select',
    { id: 'state', onchange: () => listAgain({ state: state.value }) },
    states.map((value) => h('option', { value }, value || 'any state')),
  );
  const listAgain = pagedKeys(keys, { [scope]: id }, signal);
  function read(isAgain = true) {
    readCount();
    if (isAgain) listAgain();
    if (scope === 'user') fill(trail, trailPanel({ user: id }, signal, showLock));
  }
  fill(
    main,
    h('p', { class: 'eyebrow' }, titled(scope)),
    h(
      'div',
      { class: 'head' },
      heading,
      lock,
      counts,
      h(
        'div',
        { class: 'actions' },
        button('Lock', (event) => change('lock', event)),
        button('Unlock', (event) => change('unlock', event)),
        button('Revoke all keys', (event) => change('revoke', event), 'danger'),
      ),
    ),
    panel(
      'Keys',
      {
        wide: true,
        tools: h('label', { for: 'state', class: 'row' }, h('span', { class: 'faint' }, 'State'), state),
      },
      keys,
    ),
    trail,
  );
  read(false);
}
