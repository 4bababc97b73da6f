// One key: its record, its life, what became of it, and the verbs that deny it or let it live.
import { h, fill } from './dom.js';
import { get, isAbort, keyPath } from './api.js';
import { plural, time } from './format.js';
import { panel, facts, badge, note, button, refusal, ownerLink } from './parts.js';
import { changeDialog } from './change_dialog.js';
import { receiptDetails } from './receipt.js';
import { trailPanel } from './trail.js';

const step = (word, at, kind, detail) => ({ word, at, kind, detail });

// In the order of time; what only the audit trail knows comes from `entries`.
function lifeOf(key, entries) {
  const verbs = { 'key.rotated': 'Rotated', 'key.suspended': 'Suspended', 'key.resumed': 'Resumed', 'key.changed': 'Changed', 'owner.locked': 'Locked', 'owner.unlocked': 'Unlocked' };
  const kinds = { 'key.suspended': 'warn', 'owner.locked': 'warn', 'key.resumed': 'good', 'owner.unlocked': 'good' };
  const steps = [step('Created', key.created_at, 'good')];
  for (const { verb, at, reason } of entries) if (verbs[verb]) steps.push(step(verbs[verb], at, kinds[verb], reason));
  if (key.last_used_at) steps.push(step('Last used', key.last_used_at));
  if (key.revoked_at) steps.push(step('Revoked', key.revoked_at, 'bad', key.reason));
  if (key.used_after_revocation) steps.push(step('Last tried', key.used_after_revocation.last_at, 'bad'));
  if (key.expires_at && !key.revoked_at) steps.push(step(Date.parse(key.expires_at) < Date.now() ? 'Expired' : 'Expires', key.expires_at, 'warn'));
  return steps.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

const lifeList = (key, entries) =>
  h('ol', { class: 'life', 'aria-label': 'Life' }, lifeOf(key, entries).map(({ word, at, kind, detail }) =>
    h('li', { class: kind ?? 'plain' }, h('strong', {}, word), time(at), detail && h('q', {}, detail))));

const recordFacts = (key) => facts(
  ['Name', key.name], ...['user', 'application', 'workspace'].map((scope) => [scope[0].toUpperCase() + scope.slice(1), key[scope] && ownerLink(scope, key[scope])]),
  ['Permissions', key.permissions.length > 0 && key.permissions.map((permission) => [h('code', {}, permission), ' '])],
  ['Expires', key.expires_at ? time(key.expires_at) : 'never'],
  ['Last used', key.last_used_at ? time(key.last_used_at) : 'not known to have been used'],
  ['Secrets', key.secrets.length ? key.secrets.map(({ position, ends_at: at }) => h('div', {}, `since ${position}, `, at ? ['ends ', time(at)] : 'without an end')) : 'none is valid'],
  ['Metadata', key.metadata && h('pre', { tabindex: '0', 'aria-label': 'Metadata' }, JSON.stringify(key.metadata, null, 1))]);

function usedAfter({ count: attempts, first_at: first, last_at: last, gateways }) {
  return h('div', { class: 'alarm' }, h('strong', {}, `${plural(attempts, 'attempt')} while it was denied`), ', from ', time(first), ' to ', time(last),
    ' at ', gateways.map((name, i) => [i > 0 && ', ', h('span', { class: 'id' }, name)]), '.');
}

const denied = (gerund) => (answer) => `The key is ${answer.state === 'revoked' || gerund === 'revoked' ? 'revoked' : gerund}`;

function changes(key) {
  const what = [h('p', {}, badge(key.state), ' ', h('span', { class: 'id' }, key.key_id)),
    facts(['Name', key.name], ['User', key.user], ['Application', key.application], ['Workspace', key.workspace])];
  const path = keyPath(key.key_id);
  return {
    revoke: { title: 'Revoke this key?', what: [...what, note('It ends at once, everywhere, and for good.')], verb: 'Revoke', isDanger: true, asksReason: true, method: 'DELETE', path, done: denied('revoked') },
    suspend: { title: 'Suspend this key?', what: [...what, note('It is denied until it is resumed.')], verb: 'Suspend', asksReason: true, method: 'POST', path: `${path}/suspend`, done: denied('suspended') },
    resume: { title: 'Resume this key?', what: [...what, note('It is allowed again.')], verb: 'Resume', asksReason: true, method: 'POST', path: `${path}/resume`, done: denied('resumed') },
  };
}

export function keyView(main, { id, signal }) {
  const heading = h('h1', { class: 'id', tabindex: '-1' }, id);  // stays, since it has the focus
  const state = h('span', {});
  const actions = h('div', { class: 'actions' });
  const record = h('div', {}, note('Reading…'));
  const life = h('div', {});
  let key = null;
  let entries = [];
  const showLife = () => key && fill(life, lifeList(key, entries));

  async function change(kind) {
    if (!(await changeDialog(changes(key)[kind]))) return;
    await read();
    (actions.querySelector('button') ?? heading).focus();
  }
  function show() {
    const isDead = key.state === 'revoked';
    fill(state, badge(key.state));
    fill(actions, !isDead && (key.state === 'suspended' ? button('Resume', () => change('resume')) : button('Suspend', () => change('suspend'))),
      !isDead && button('Revoke', () => change('revoke'), 'danger'));
    fill(record, recordFacts(key));
    fill(more, key.used_after_revocation && panel('Use after revocation', {}, usedAfter(key.used_after_revocation)),
      key.revoked_position && panel('Receipt', {}, key.reason && h('p', {}, 'Reason: ', h('q', {}, key.reason)), receiptDetails(key.revoked_position, signal, true)));
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
  fill(main, h('p', { class: 'eyebrow' }, 'Key'), h('div', { class: 'head' }, heading, state, actions),
    h('div', { class: 'columns' }, panel('Record', {}, record), h('div', { class: 'column' }, panel('Life', {}, life), more)),
    trailPanel({ key_id: id }, signal, (list) => { entries = list; showLife(); }));
  return read();
}
