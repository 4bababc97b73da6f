// Small charts as SVG. What they show is also in their text alternative.
import { svg } from './dom.js';
import { count } from './format.js';

const chart = (width, height, label, ...parts) =>
  svg(
    'svg',
    {
      class: 'chart',
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': label,
    },
    parts,
  );

// One bar a value, oldest first.
export function bars(values, label) {
  const most = Math.max(...values, 1);
  const height = 48;
  return chart(
    values.length * 4,
    height,
    label,
    values.map((value, i) => {
      const size = value === 0 ? 1 : Math.max(3, (value / most) * height);
      return svg('rect', {
        x: i * 4,
        y: height - size,
        width: 3,
        height: size,
        class: value ? 'bar-on' : 'bar-off',
      });
    }),
  );
}

// Buckets that hold something and those between them: rows of a label, a bar and a count.
export function histogramRows(buckets) {
  const used = buckets.flatMap(({ count: held }, i) => (held > 0 ? [i] : []));
  const all = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  const most = Math.max(...buckets.map((bucket) => bucket.count), 1);
  return buckets.slice(used[0], used.at(-1) + 1).map(({ upTo, count: held }) => ({
    label:
      upTo === Infinity
        ? 'more'
        : `≤ ${upTo < 1 ? `${Number((upTo * 1000).toPrecision(3))} ms` : `${upTo} s`}`,
    part: held / most,
    text: count(held),
    share: `${((100 * held) / all).toFixed(held === all ? 0 : 1)} %`,
  }));
}

export function bar(part) {
  return svg(
    'svg',
    { class: 'bar-row', viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { width: 100, height: 10, class: 'bar-off' }),
    part > 0 && svg('rect', { width: Math.max(1, part * 100), height: 10, class: 'bar-on' }),
  );
}
