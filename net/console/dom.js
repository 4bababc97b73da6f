// Elements made of data. Text is only ever set as text: nothing here parses markup.

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  return fill(node, ...children);
}

// h('a', {href: '#/'}, 'text', node, [more]); null and false among the children are left out.
export const h = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

export const svg = (tag, attributes, ...children) =>
  build(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

// Replaces what the node contains.
export function fill(node, ...children) {
  const wanted = children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);
  node.replaceChildren(...wanted.map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

// Says something to a screen reader, once.
export function announce(text) {
  document.getElementById('announcer').textContent = text;
}

let ids = 0;
export const newId = (word) => `${word}-${++ids}`;

// Whether the reader is in there, with the focus or a selection: do not replace it now.
export function isInUse(node) {
  const selection = document.getSelection();
  return (
    node.contains(document.activeElement) || (!selection.isCollapsed && node.contains(selection.anchorNode))
  );
}
