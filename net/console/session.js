// Who is signed in: the credential, and which permissions it has turned out to lack. In memory, and in the tab's
// session storage only if asked.

const stored = 'revoked.key';

let key = null;
let lacking = new Set();
export const changes = new EventTarget(); // 'in'; 'out' with detail, a reason to show

function tell(type, detail) {
  changes.dispatchEvent(new CustomEvent(type, { detail }));
}

export const credential = () => key;
export const lacks = (permission) => lacking.has(permission);
export const noteLack = (permission) => lacking.add(permission);

export function signIn(newKey, isKept) {
  key = newKey;
  lacking = new Set();
  if (isKept) sessionStorage.setItem(stored, newKey);
  tell('in');
}

export function signOut(reason = '') {
  if (key === null) return;
  key = null;
  sessionStorage.removeItem(stored);
  tell('out', reason);
}

export const keptKey = () => sessionStorage.getItem(stored);
