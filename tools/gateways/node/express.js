// Middleware for Express: app.use(guard(follower)). Decides in the process, and answers what revoked-gateway answers. A
// service finds whose the key is in the headers X-Key-Id, X-User-Id, X-Application-Id, X-Workspace-Id and
// X-Key-Permissions; those of the client are removed.
'use strict';
const statuses = { active: 200, missing: 401, unknown: 401, stale: 503, unavailable: 503 }; // any other: 403
const identity = { 'x-key-id': 'key_id', 'x-user-id': 'user', 'x-application-id': 'application',
  'x-workspace-id': 'workspace', 'x-key-permissions': 'permissions' };

function secretOf(headers) {
  const bearer = /^bearer +(.*)$/i.exec(headers.authorization ?? '')?.[1].trim();
  return Buffer.from(bearer || headers['x-api-key'] || '', 'latin1').toString();
}

// Outside visible ASCII, and `%` itself.
const encode = (text, first) => Array.from(Buffer.from(text), (byte) => byte >= first && byte < 127 && byte !== 37
  ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');

function identify(request, decision) {
  for (const name of Object.keys(request.headers)) {
    // Many services treat an underscore in a header's name as a hyphen.
    if (name.replaceAll('_', '-') in identity) delete request.headers[name];
  }
  for (const [name, member] of Object.entries(identity)) {
    const value = decision[member] ?? '';
    request.headers[name] = Array.isArray(value) ? encode(value.join(' '), 32) : encode(value, 33);
  }
}

// {status, headers} of the answer; with status 200 the request has the headers that say whose the key is. Also for the
// request of an upgrade, which does not go through Express.
exports.check = async function check(follower, request, preflight = 'deny') {
  const secret = secretOf(request.headers);
  const decision = secret ? follower.cached(secret) ?? (await follower.check(secret)) : { state: 'missing' };
  const isPreflight = request.method === 'OPTIONS' && 'origin' in request.headers &&
    'access-control-request-method' in request.headers;
  const passes = decision.state === 'missing' && isPreflight && preflight === 'allow';
  const status = passes ? 200 : statuses[decision.state] ?? 403;
  if (status === 200) identify(request, decision);
  const headers = status === 200 ? {} : { 'X-Revoked-Reason': decision.state };
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer realm="revoked"';
  if (status === 503) headers['Retry-After'] = '1';
  return { status, headers };
};

exports.guard = (follower, { preflight = 'deny' } = {}) => async (request, response, next) => {
  const { status, headers } = await exports.check(follower, request, preflight);
  if (status === 200) return next();
  response.writeHead(status, { ...headers, 'Content-Length': 0 }).end();
};
