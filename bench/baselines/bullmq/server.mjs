// What a careful Node team would build: a push is verified, parsed and added to a queue in Redis, which syncs every write, before it is
// answered; a repeated MsgId makes no second job. Usage: node server.mjs PORT REDIS_PORT TOKEN
import { createHash } from 'node:crypto';
import { Queue } from 'bullmq';
import express from 'express';
import { parseStringPromise } from 'xml2js';

const [port, redisPort, token] = process.argv.slice(2);
const queue = new Queue('pushes', { connection: { host: '127.0.0.1', port: Number(redisPort) } });

function isSigned({ signature, timestamp, nonce }) {
  return createHash('sha1').update([token, timestamp, nonce].sort().join('')).digest('hex') === signature;
}

const app = express();
app.get('/healthz', async (request, response) => {
  await queue.waitUntilReady();
  response.send('ok');
});
app.post('/', express.text({ type: '*/*' }), async (request, response) => {
  if (!isSigned(request.query)) return response.sendStatus(403);
  const { xml } = await parseStringPromise(request.body, { explicitArray: false });
  await queue.add('push', xml, { jobId: `push-${xml.MsgId}` });
  response.send('success');
});
app.listen(Number(port), '127.0.0.1', 511);
