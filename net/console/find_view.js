// What a text was found to name. If it is one thing, goes there.
import { h, fill } from './dom.js';
import { isAbort } from './api.js';
import { count } from './format.js';
import { kinds, withId, withName } from './look_up.js';
import { panel, note, button, refusal } from './parts.js';
import { keyTable } from './key_table.js';

const mostNamed = 200;

async function findNamed(node, text, signal) {
  const found = [];
  const stop = new AbortController();
  const tools = button('Stop', () => stop.abort());
  try {
    for await (const { keys, examined, isLast } of withName(text, AbortSignal.any([signal, stop.signal]))) {
      found.push(...keys);
      const isFull = found.length >= mostNamed;
      fill(
        node,
        found.length > 0 && keyTable(found.slice(0, mostNamed), 'Keys with this name'),
        h(
          'div',
          { class: 'row' },
          note(
            `${found.length ? '' : 'None '}${found.length && !isLast ? 'So far ' : ''}among ${count(examined)} keys${isLast ? ', all there are' : ''}.`,
          ),
          !isLast && !isFull && tools,
        ),
      );
      if (isFull) return;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (stop.signal.aborted) node.append(note('Stopped.'));
    else fill(node, refusal(error));
  }
}

export async function findView(main, { kind, text, signal }) {
  const result = h('div', {}, note('Looking…'));
  const named = h('div', {});
  const nameButton = button('Look through the names', () => findNamed(named, text, signal));
  const explained = note('Names are not indexed: this reads the list of all keys, a thousand at a time.');
  fill(
    main,
    h('p', { class: 'eyebrow' }, 'Find'),
    h('h1', { class: 'id', tabindex: '-1' }, text),
    kind !== 'name' && panel('Ids', { wide: true }, result),
    panel('Names', { wide: true }, kind === 'name' ? null : [explained, nameButton], named),
  );
  if (kind === 'name') return findNamed(named, text, signal);
  try {
    const found = await withId(text, kind === 'any' ? kinds : [kind], signal);
    const addressOf = (each) => `#/${each.kind}/${encodeURIComponent(each.id)}`;
    if (found.length === 1) return location.replace(addressOf(found[0]));
    return fill(
      result,
      found.length === 0
        ? note(`No ${kind === 'any' ? 'key, user, application or workspace' : kind} has this id.`)
        : h(
            'ul',
            { class: 'found' },
            found.map((each) =>
              h(
                'li',
                {},
                h('a', { href: addressOf(each) }, `The ${each.kind} `, h('span', { class: 'id' }, each.id)),
              ),
            ),
          ),
    );
  } catch (error) {
    return isAbort(error) ? undefined : fill(result, refusal(error));
  }
}
