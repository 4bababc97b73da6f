// The first page: asks for a key and tries it.
import { h, fill } from './dom.js';
import { ask } from './api.js';
import { note } from './parts.js';
import * as session from './session.js';

// Whether the engine knows the key. Any permission will do: who lacks this one is answered 403.
async function isKnown(key) {
  try {
    await ask('GET', '/v1/gateways', { as: key });
    return true;
  } catch (error) {
    if (error.status === 403) return true;
    if (error.status === 401) return false;
    throw error;
  }
}

export function signIn(main, reason) {
  const message = h('div', { role: 'alert' }, reason && note(reason, 'bad'));
  const key = h('input', {
    id: 'key',
    type: 'password',
    required: true,
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'key-hint',
  });
  const keep = h('input', { id: 'keep', type: 'checkbox' });
  const submit = h('button', { class: 'primary' }, 'Sign in');

  async function onsubmit(event) {
    event.preventDefault();
    submit.disabled = true;
    try {
      const text = key.value.trim();
      if (await isKnown(text)) return session.signIn(text, keep.checked);
      fill(message, note('The engine does not know this key, or it has ended.', 'bad'));
      key.select();
    } catch (error) {
      fill(message, note(error.message, 'bad'));
    } finally {
      submit.disabled = false;
    }
    return key.focus();
  }

  fill(
    main,
    h(
      'div',
      { class: 'sign-in' },
      h('img', { src: '/console/favicon.svg', alt: '', width: 44, height: 44 }),
      h('h1', { tabindex: '-1' }, 'revoked'),
      h(
        'form',
        { onsubmit },
        h('label', { for: 'key' }, 'Key'),
        key,
        h(
          'p',
          { class: 'hint', id: 'key-hint' },
          'A master key, or a key or token with the permissions for what you want to see. It stays in this page’s memory.',
        ),
        h('label', { class: 'check', for: 'keep' }, keep, 'Keep it until this tab is closed'),
        message,
        submit,
      ),
    ),
  );
  key.focus();
}
