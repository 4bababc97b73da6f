// Secrets are only sent as their SHA-256, and only once it is clear that a text may be one.

export const isSecure = () => globalThis.crypto?.subtle !== undefined;

const issued = /^[0-9A-Za-z]{1,16}_[0-9A-Za-z]{46}$/;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const digest = /^[0-9a-f]{64}$/i;

export const isUuid = (text) => uuid.test(text);

// Whether it looks like a secret rather than an id, so that it must not be sent or be kept in the address.
export function looksSecret(text) {
  const bare = unquoted(text);
  if (uuid.test(bare) || /\s/.test(bare)) return false;
  if (issued.test(bare)) return true;
  const runs = bare.match(/[0-9A-Za-z+/=_-]{20,}/g) ?? [];
  return runs.some(
    (run) => /^[0-9a-f]{32,}$/i.test(run) || (/[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run)),
  );
}

// As where a secret is reported: without white space and pairs of quotes around it.
function unquoted(text) {
  let bare = text.replace(/^\ufeff/, '').trim();
  while (/^(["'`]).*\1$/s.test(bare) && bare.length > 1) bare = bare.slice(1, -1).trim();
  return bare;
}

async function sha256(text) {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// The digests that a pasted text may stand for: a digest itself, or that of a secret with and without its quotes.
export async function digestsOf(text) {
  const readings = new Set([text.trim(), unquoted(text)]);
  const found = digest.test(unquoted(text)) ? [unquoted(text).toLowerCase()] : [];
  if (isSecure()) found.push(...(await Promise.all([...readings].map(sha256))));
  return found;
}
