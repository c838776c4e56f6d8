// The how-to's design: a push is parsed and handed to Tencent IM, and nothing is stored. Without its console output, with connections to
// IM kept open and the UserSig made once, which it does not do. Usage: node server.mjs PORT IM_PORT
import http from 'node:http';
import express from 'express';
import { parseStringPromise } from 'xml2js';

const [port, imPort] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true });
const path = '/v4/openim/sendmsg?sdkappid=1400000001&identifier=administrator&usersig=bench&random=1&contenttype=json';

function sendToIm(text) {
  const body = JSON.stringify({
    SyncOtherMachine: 2, To_Account: 'agent1', MsgSeq: Math.floor(Math.random() * 2 ** 32), MsgRandom: Math.floor(Math.random() * 2 ** 32),
    MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text: text } }],
  });
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const call = http.request({ host: '127.0.0.1', port: imPort, method: 'POST', path, agent, headers }, (answer) => {
      answer.resume();
      answer.on('end', resolve);
    });
    call.on('error', reject);
    call.end(body);
  });
}

const app = express();
app.get('/healthz', (request, response) => response.send('ok'));
app.post('/', express.text({ type: '*/*' }), async (request, response) => {
  const { xml } = await parseStringPromise(request.body, { explicitArray: false });
  if (xml.MsgType === 'text') await sendToIm(xml.Content);
  response.send('success');
});
app.listen(port, '127.0.0.1', 511);
