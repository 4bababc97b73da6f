// receiver.js PORT SECRET FAILURES: a webhook receiver that verifies with the published library. It answers 500 to
// the first FAILURES messages, and prints one line for each: failed, unverified, or its type, id and data.
'use strict';
const http = require('node:http');
const { Webhook } = require('standardwebhooks');

const [port, secret, failures] = process.argv.slice(2);
const webhook = new Webhook(secret);
let left = Number(failures);

const server = http.createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const answer = (status, line) => {
    response.writeHead(status).end(() => console.log(line)); // sent: the sender need not repeat it
  };
  try {
    const event = webhook.verify(Buffer.concat(pieces).toString(), request.headers);
    if (left-- > 0) return answer(500, `failed ${request.headers['webhook-id']}`);
    answer(204, `${event.type} ${request.headers['webhook-id']} ${JSON.stringify(event.data)}`);
  } catch (error) {
    answer(401, `unverified ${error}`);
  }
});
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
