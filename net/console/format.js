// Numbers and times for people.
import { h } from './dom.js';

export const count = (number) => Number(number).toLocaleString('en');

export const plural = (number, one, many = one + 's') => `${count(number)} ${number === 1 ? one : many}`;

export const titled = (word) => word[0].toUpperCase() + word.slice(1);

// Milliseconds, with as many digits as matter.
export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 10) return `${Number(ms.toFixed(ms < 1 ? 2 : 1))} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60000)} min`;
}

const two = (number) => String(number).padStart(2, '0');

function clock(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

// In the reader's zone; the day only where it is another than today.
function localTime(date, now) {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return date.toDateString() === now.toDateString() ? clock(date) : `${day} ${clock(date).slice(0, 5)}`;
}

// A time of the engine, with UTC as its title.
export function time(rfc3339) {
  if (!rfc3339) return '–';
  const text = localTime(new Date(rfc3339), new Date());
  return h('time', { datetime: rfc3339, title: `${rfc3339.replace('T', ' ').replace('Z', '')} UTC` }, text);
}

const sequence = (position) => Number(position.slice(position.indexOf('-') + 1));
export const isAfter = (position, other) => sequence(position) > sequence(other);
