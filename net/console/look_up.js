// Finding what a text names: a secret by its digest, an id by asking for it, a name by looking through the list.
import { ask, get, keyPath, ownerPath, ownerPaths } from './api.js';
import { digestsOf, isUuid } from './digest.js';

const isKeyId = (text) => /^[!-~]{1,128}$/.test(text) && !/[/?#%\\"]/.test(text);
const isOwnerId = (text) =>
  new TextEncoder().encode(text).length <= 256 && !/[\u0000-\u001f\u007f]/.test(text);
export const isPath = (text) => text === '.' || text === '..'; // a browser would resolve it

// The id of the key with this secret; null: no key has it.
export async function keyOfSecret(text) {
  const digests = await digestsOf(text);
  const response = await ask('POST', '/v1/keys/revoke', {
    query: { dry_run: 'true' },
    body: { secrets_sha256: digests },
    permission: 'keys:revoke',
  });
  const { results } = await response.json();
  return results.find((result) => result.key_id)?.key_id ?? null;
}

// How many keys a revocation of the owner would end.
export async function revocableOf(scope, id, signal) {
  const response = await ask('DELETE', ownerPath(scope, id, 'keys'), {
    query: { dry_run: 'true' },
    permission: 'keys:revoke',
    signal,
  });
  return (await response.json()).revoked;
}

async function keyById(id, signal) {
  if (!isKeyId(id) || isPath(id)) return null;
  try {
    return await get(keyPath(id), { permission: 'keys:read', signal });
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

const firstKeyOf = async (scope, id, signal) =>
  (await get('/v1/keys', { query: { [scope]: id, limit: 1 }, permission: 'keys:read', signal })).keys[0];

// Whether the owner has keys. A list of an application or a workspace may not come to its first key at once, a count does.
async function hasKeys(scope, id, signal) {
  if (await firstKeyOf(scope, id, signal)) return true;
  if (scope === 'user') return false;
  return revocableOf(scope, id, signal).then(
    (count) => count > 0,
    () => false,
  );
}

// [{kind, id}] of what has this id, at most one of each kind.
export async function withId(text, kinds, signal) {
  if (isPath(text)) return [];
  // A UUID that names a key is not looked for elsewhere.
  if (kinds.includes('key') && isUuid(text) && (await keyById(text, signal)))
    return [{ kind: 'key', id: text }];
  const asked = kinds.map(async (kind) => {
    if (kind === 'key') return keyById(text, signal);
    return isOwnerId(text) && hasKeys(kind, text, signal);
  });
  const found = await Promise.all(asked);
  return kinds.filter((_, i) => found[i]).map((kind) => ({ kind, id: text }));
}

export const kinds = ['key', ...Object.keys(ownerPaths)];

// Names are not indexed: looks through the list, oldest key first. Yields after each page what it has found in it;
// ends at the end of the list.
export async function* withName(text, signal) {
  const wanted = text.toLocaleLowerCase();
  let cursor;
  let examined = 0;
  do {
    const page = await get('/v1/keys', { query: { limit: 1000, cursor }, permission: 'keys:read', signal });
    cursor = page.cursor;
    examined += page.keys.length;
    yield {
      keys: page.keys.filter(({ name }) => name?.toLocaleLowerCase().includes(wanted)),
      examined,
      isLast: !cursor,
    };
  } while (cursor);
}
