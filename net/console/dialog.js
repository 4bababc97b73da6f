// Modal dialogs. The browser keeps the focus inside, closes them with Escape, and gives the focus back.
import { h, fill, newId } from './dom.js';
import { button } from './parts.js';

// Opens one; `closed` resolves with the value that it was closed with ('': dismissed).
export function open(title, ...content) {
  const id = newId('dialog');
  const body = h('div', { class: 'dialog-body' }, content);
  const heading = h('h2', { id }, title);
  const node = h('dialog', { 'aria-labelledby': id }, heading, body);
  const closed = new Promise((resolve) => {
    node.addEventListener('close', () => (node.remove(), resolve(node.returnValue)), { once: true });
  });
  document.body.append(node);
  node.showModal();
  return {
    node,
    closed,
    show: (newTitle, ...more) => (fill(heading, newTitle), fill(body, more)),
    close: (value = '') => node.close(value),
  };
}

// Says something; `choices` are buttons beside "Close", whose values are the result.
export function tell(title, content, ...choices) {
  const dialog = open(
    title,
    content,
    h(
      'form',
      { method: 'dialog', class: 'actions' },
      choices,
      button('Close', () => dialog.close()),
    ),
  );
  return dialog.closed;
}
