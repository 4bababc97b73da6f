// Confirms a change that denies or allows keys, asks for the reason, makes it, and shows the gateways following.
import { h, fill } from './dom.js';
import { ask } from './api.js';
import * as session from './session.js';
import { button, note, refusal } from './parts.js';
import { followReceipt } from './receipt.js';
import { open } from './dialog.js';

const usual = ['leaked', 'offboarding', 'rotated out', 'unused', 'mistake'];

function reasonField() {
  return [
    h('label', { for: 'reason' }, 'Reason'),
    h('input', {
      id: 'reason',
      list: 'reasons',
      autocomplete: 'off',
      maxlength: 200,
      required: true,
      autofocus: true,
    }),
    h(
      'datalist',
      { id: 'reasons' },
      usual.map((value) => h('option', { value })),
    ),
    h('p', { class: 'hint' }, 'For the audit trail. The gateways get it as well.'),
  ];
}

// With the permission to read receipts they show each gateway; without it the engine's own answer has the count.
async function make({ method, path }, reason) {
  const headers = session.lacks('gateways:read') ? { Prefer: 'wait=10' } : {};
  const response = await ask(method, path, { body: reason ? { reason } : undefined, headers });
  const enforced = response.headers.get('Revocation-Enforced');
  return { position: response.headers.get('Revocation-Position'), enforced, answer: await response.json() };
}

// `what`: nodes that say what is about to change; `done(answer)`: what to say of it afterwards. Resolves once the
// dialog is closed and the engine has answered: whether the change was made.
export async function changeDialog({ title, what, verb, done, isDanger, asksReason, ...request }) {
  const stop = new AbortController();
  const message = h('div', { role: 'alert' });
  const submit = h('button', { class: isDanger ? 'danger' : 'primary' }, verb);
  let isMade = false;
  let answered = Promise.resolve();

  function onsubmit(event) {
    event.preventDefault();
    submit.disabled = true;
    answered = change(event.target.elements.reason?.value.trim());
  }

  async function change(reason) {
    try {
      const made = await make(request, reason);
      isMade = true;
      showMade(made);
    } catch (error) {
      const unknown = error.status === 0 || error.status >= 500;
      fill(
        message,
        refusal(error),
        unknown && note('Whether it was done is unknown. Repeat it: it has one effect.'),
      );
      submit.disabled = false;
    }
  }

  function showMade({ position, enforced, answer }) {
    const receipt = h('div', { class: 'receipt' });
    const close = button('Done', () => dialog.close(), 'primary');
    dialog.show(
      done(answer),
      h(
        'p',
        { role: 'status' },
        position && [
          'On disk at position ',
          h('a', { href: `#/receipt/${position}`, onclick: () => dialog.close() }, position),
          '.',
        ],
      ),
      enforced ? note(`${enforced} gateways enforce it.`) : receipt,
      h('div', { class: 'actions' }, close),
    );
    close.focus();
    if (position && !enforced) followReceipt(receipt, position, stop.signal);
  }

  const dialog = open(
    title,
    what,
    h(
      'form',
      { onsubmit },
      asksReason && reasonField(),
      message,
      h(
        'div',
        { class: 'actions' },
        button('Cancel', () => dialog.close()),
        submit,
      ),
    ),
  );
  await dialog.closed;
  stop.abort();
  await answered;
  return isMade;
}
