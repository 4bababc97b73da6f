// The engine's metrics, in the Prometheus text format.
import { ask } from './api.js';

const line = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/;
const label = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

function parse(text) {
  const samples = new Map();
  for (const each of text.split('\n')) {
    const match = line.exec(each);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? '').matchAll(label))
      labels[name] = value.replace(/\\(.)/g, '$1');
    if (!samples.has(match[1])) samples.set(match[1], []);
    samples.get(match[1]).push({ labels, value: Number(match[3]) });
  }
  return samples;
}

// Open to all, unless the engine has been told otherwise.
export async function readMetrics(signal) {
  const response = await ask('GET', '/metrics', { signal });
  return parse(await response.text());
}

export const valueOf = (metrics, name) => metrics.get(name)?.[0]?.value;

// Buckets of a histogram, of all series together or of those that `wanted` takes: [{upTo, count}], not cumulative,
// in seconds.
export function histogramOf(metrics, name, wanted = () => true) {
  const sums = new Map();
  for (const { labels, value } of metrics.get(`${name}_bucket`) ?? []) {
    if (!wanted(labels)) continue;
    const upTo = labels.le === '+Inf' ? Infinity : Number(labels.le);
    sums.set(upTo, (sums.get(upTo) ?? 0) + value);
  }
  let before = 0;
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([upTo, sum]) => {
      const bucket = { upTo, count: sum - before };
      before = sum;
      return bucket;
    });
}

// In milliseconds: the bound of the bucket that the quantile is in. Null: nothing was counted.
export function quantileMs(buckets, part) {
  const all = buckets.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  for (const { upTo, count } of buckets) {
    seen += count;
    if (all > 0 && seen >= part * all) return upTo * 1000;
  }
  return null;
}
