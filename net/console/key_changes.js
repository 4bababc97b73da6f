// The verbs that deny a key or let it live, as the dialog asks about them.
import { h } from './dom.js';
import { keyPath } from './api.js';
import { badge, facts, note } from './parts.js';

export function changesOf(key) {
  const what = [
    h('p', {}, badge(key.state), ' ', h('span', { class: 'id' }, key.key_id)),
    facts(
      ['Name', key.name],
      ['User', key.user],
      ['Application', key.application],
      ['Workspace', key.workspace],
    ),
  ];
  const path = keyPath(key.key_id);
  return {
    revoke: {
      title: 'Revoke this key?',
      what: [...what, note('It ends at once, everywhere, and for good.')],
      verb: 'Revoke',
      isDanger: true,
      asksReason: true,
      method: 'DELETE',
      path,
      done: () => 'The key is revoked',
    },
    suspend: {
      title: 'Suspend this key?',
      what: [...what, note('It is denied until it is resumed.')],
      verb: 'Suspend',
      asksReason: true,
      method: 'POST',
      path: `${path}/suspend`,
      done: () => 'The key is suspended',
    },
    resume: {
      title: 'Resume this key?',
      what: [...what, note('It is allowed again.')],
      verb: 'Resume',
      asksReason: true,
      method: 'POST',
      path: `${path}/resume`,
      done: () => 'The key is resumed',
    },
  };
}
