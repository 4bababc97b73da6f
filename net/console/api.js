// Requests to the engine that served this page.
import * as session from './session.js';

// `code` is one of docs/errors.md, or 'unreachable'. `permission`: what the caller lacks.
export class Refused extends Error {
  constructor(status, code, detail, permission) {
    super(detail);
    Object.assign(this, { status, code, permission });
  }
}

export const ownerPaths = { user: 'users', application: 'applications', workspace: 'workspaces' };
export const keyPath = (id) => `/v1/keys/${encodeURIComponent(id)}`;
export const ownerPath = (scope, id, what) => `/v1/${ownerPaths[scope]}/${encodeURIComponent(id)}/${what}`;

function lack(permission) {
  return new Refused(403, 'forbidden', `This needs the permission ${permission}.`, permission);
}

async function refusalOf(response) {
  const problem = await response.json().catch(() => ({}));
  const permission = response.status === 403 && /requires the permission (\S+)/.exec(problem.detail)?.[1];
  if (permission) {
    session.noteLack(permission);
    return lack(permission);
  }
  return new Refused(
    response.status,
    problem.code ?? 'unknown',
    problem.detail ?? `The engine answered ${response.status}.`,
  );
}

// The response, whatever its status.
export async function reach(path, options) {
  try {
    return await fetch(path, { cache: 'no-store', credentials: 'omit', ...options });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Refused(0, 'unreachable', 'The engine does not answer.');
  }
}

// The response, if it is a success; else throws Refused. `permission` is what the route needs: a call that the engine
// has refused for lack of it is not made again, since each would be an entry in the audit trail.
export async function ask(method, path, { query = {}, body, headers = {}, permission, signal, as } = {}) {
  if (permission && session.lacks(permission)) throw lack(permission);
  const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const used = as ?? session.credential();
  const options = { method, signal, headers: { ...headers } };
  if (used) options.headers.Authorization = `Bearer ${used}`;
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers['Content-Type'] = 'application/json';
  }
  const response = await reach(path + (parameters.size ? `?${parameters}` : ''), options);
  if (response.ok) return response;
  const refusal = await refusalOf(response);
  if (refusal.status === 401 && !as && used === session.credential())
    session.signOut('This key is no longer valid.');
  throw refusal;
}

export const get = async (path, options) => (await ask('GET', path, options)).json();

export const isAbort = (error) => error.name === 'AbortError';
