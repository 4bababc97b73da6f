// Doing something again and again while a view is shown.

export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

const shown = () =>
  new Promise((resolve) => {
    if (!document.hidden) return resolve();
    document.addEventListener('visibilitychange', () => resolve(), { once: true });
  });

// Until the signal is aborted, or `action` says false. Not while the page is hidden.
export async function every(ms, signal, action) {
  try {
    while ((await action()) !== false) {
      await pause(ms, signal);
      await shown();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
