// The peer: a minimal service. A revocation deletes the key in Redis, which appends it to a file that is synced once a
// second, and publishes it. Commands of concurrent requests share a pipeline.
import Fastify from 'fastify';
import { Redis } from 'ioredis';

const [port, socket, masterKey] = process.argv.slice(2);
const redis = new Redis({ path: socket, enableAutoPipelining: true });
const fastify = Fastify({ logger: false, keepAliveTimeout: 0 });
const authorization = `Bearer ${masterKey}`;

fastify.delete('/v1/keys/:key_id', async (request, reply) => {
  if (request.headers.authorization !== authorization) return reply.code(401).send({ code: 'unauthenticated' });
  const { key_id } = request.params;
  const [deleted] = await Promise.all([
    redis.del(key_id),
    redis.publish('revoked', JSON.stringify({ type: 'key.revoked', key_id })),
  ]);
  if (deleted === 0) return reply.code(404).send({ code: 'key_not_found' });
  return { key_id, state: 'revoked', revoked_at: new Date().toISOString() };
});

await fastify.listen({ port: Number(port), host: '127.0.0.1' });
console.log(`node is ready on http://127.0.0.1:${fastify.server.address().port}`);
