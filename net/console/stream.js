// Server-Sent Events over fetch: an EventSource cannot send a credential.
import { ask } from './api.js';

// Yields {id, data} until the stream ends; throws Refused.
export async function* events(path, { permission, lastId, signal }) {
  const headers = { Accept: 'text/event-stream' };
  if (lastId) headers['Last-Event-ID'] = lastId;
  const response = await ask('GET', path, { permission, headers, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let event = { id: lastId, data: '' };
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith('data:')) event.data += line.slice(5).trimStart();
      else if (line.startsWith('id:')) event.id = line.slice(3).trim();
      else if (line === '' && event.data) {
        yield event;
        event = { id: event.id, data: '' };
      }
    }
  }
}
