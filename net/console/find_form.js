// The search of the header. A secret never gets into the address of the page: it is looked up here.
import { h, announce } from './dom.js';
import { isSecure, looksSecret } from './digest.js';
import { keyOfSecret } from './look_up.js';
import { tell } from './dialog.js';
import { note, refusal } from './parts.js';

const choices = [
  ['any', 'Anything'],
  ['key', 'Key id'],
  ['user', 'User'],
  ['application', 'Application'],
  ['workspace', 'Workspace'],
  ['name', 'Name'],
  ['secret', 'Secret'],
];
const findAddress = (kind, text) => `#/find/${kind}/${encodeURIComponent(text)}`;

const insecure =
  'A secret is hashed in the browser, which it does only for pages from https or this machine. Paste the secret’s SHA-256 instead, or use revokectl.';

async function findSecret(text, field, isCertain) {
  if (!isSecure() && !/^[0-9a-f]{64}$/i.test(text.trim()))
    return tell('Find by secret', note(insecure, 'bad'));
  try {
    const id = await keyOfSecret(text);
    field.value = '';
    if (id) {
      announce('Found by its secret');
      location.hash = `#/key/${encodeURIComponent(id)}`;
      return undefined;
    }
  } catch (error) {
    return tell('Find by secret', refusal(error));
  }
  const unknown = note('No key of this engine has this secret. Only its digest was sent.');
  if (isCertain) return tell('Find by secret', unknown);
  const asId = h('button', { value: 'id' }, 'Look it up as an id');
  const answer = await tell(
    'Find by secret',
    [unknown, note('It looks like a secret, so it was not sent as an id.')],
    asId,
  );
  if (answer === 'id') location.hash = findAddress('any', text);
  return undefined;
}

export function findForm() {
  const field = h('input', {
    id: 'find',
    type: 'search',
    placeholder: 'Find an id, a name or a secret',
    autocomplete: 'off',
    spellcheck: 'false',
    autocapitalize: 'off',
    'aria-keyshortcuts': '/',
    maxlength: 5000,
  });
  const kind = h(
    'select',
    { id: 'find-kind', 'aria-label': 'What to find' },
    choices.map(([value, text]) => h('option', { value }, text)),
  );
  const onsubmit = (event) => {
    event.preventDefault();
    const text = field.value;
    if (text.trim() === '') return field.focus();
    if (kind.value === 'secret' || (kind.value === 'any' && looksSecret(text)))
      return findSecret(text, field, kind.value === 'secret');
    location.hash = findAddress(kind.value, text.trim());
    return undefined;
  };
  return {
    field,
    node: h(
      'form',
      { class: 'find', role: 'search', onsubmit },
      h('label', { for: 'find', class: 'unseen' }, 'Find'),
      kind,
      field,
      h('button', {}, 'Find'),
    ),
  };
}
