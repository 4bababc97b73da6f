// Begins: signs in, and shows the view that the address names (#/key/ID and so on).
import { h, fill } from './dom.js';
import * as session from './session.js';
import { ownerPaths } from './api.js';
import { Live } from './live.js';
import { signIn } from './sign_in.js';
import { findForm } from './find_form.js';
import { overview } from './overview.js';
import { keyView } from './key_view.js';
import { ownerView } from './owner_view.js';
import { findView } from './find_view.js';
import { receiptView } from './receipt_view.js';
import { isPath } from './look_up.js';

const main = document.getElementById('main');
const bar = document.getElementById('bar');
let live = null;
let shown = new AbortController(); // of the view: aborted when it is left

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// {title, show(main, {signal, live})} of the address.
function viewOf(address) {
  const [kind = '', ...parts] = address.replace(/^#\/?/, '').split('/').map(decoded);
  const [first = '', second = ''] = parts;
  if (first && !isPath(first)) {
    if (kind === 'key') return { title: first, show: (node, more) => keyView(node, { id: first, ...more }) };
    if (Object.hasOwn(ownerPaths, kind))
      return { title: first, show: (node, more) => ownerView(node, { scope: kind, id: first, ...more }) };
    if (kind === 'receipt')
      return { title: first, show: (node, more) => receiptView(node, { position: first, ...more }) };
    if (kind === 'find' && second)
      return {
        title: `Find ${second}`,
        show: (node, more) => findView(node, { kind: first, text: second, ...more }),
      };
  }
  return { title: 'Overview', show: overview };
}

function show(isMove) {
  shown.abort();
  shown = new AbortController();
  if (session.credential() === null) return;
  const { title, show: showView } = viewOf(location.hash);
  document.title = `${title} · revoked`;
  showView(main, { signal: shown.signal, live });
  scrollTo(0, 0);
  if (isMove) main.querySelector('h1')?.focus({ preventScroll: true });
}

function onKey(event) {
  if (
    event.key !== '/' ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    event.target.closest('input, select, textarea, dialog')
  )
    return;
  event.preventDefault();
  document.getElementById('find')?.focus();
}

function begin() {
  const { node } = findForm();
  bar.hidden = false;
  fill(
    bar,
    h(
      'nav',
      { 'aria-label': 'Console' },
      h(
        'a',
        { class: 'brand', href: '#/' },
        h('img', { src: '/console/favicon.svg', alt: '', width: 22, height: 22 }),
        'revoked',
      ),
    ),
    node,
    h('button', { type: 'button', class: 'quiet', onclick: () => session.signOut() }, 'Sign out'),
  );
  live = new Live();
  live.start();
  show(true);
}

function end(reason) {
  shown.abort();
  live?.stop();
  live = null;
  document.querySelector('dialog[open]')?.close();
  bar.hidden = true;
  fill(bar);
  document.title = 'Sign in · revoked';
  signIn(main, reason);
}

addEventListener('hashchange', () => show(true));
addEventListener('keydown', onKey);
session.changes.addEventListener('in', begin);
session.changes.addEventListener('out', ({ detail }) => end(detail));
const kept = session.keptKey();
if (kept) session.signIn(kept, true);
else end('');
