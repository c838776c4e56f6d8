// Other people's clients of WeChat against our programs, so that the sandbox and the services cannot share a misreading.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import WechatAPI from 'co-wechat-api';
import WXBizMsgCrypt from 'wechat-crypto';
import { freePorts, Program, secrets, until } from '../browser/stack.mjs';

const aesKey = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG';
const { WECHAT_TOKEN: token, WECHAT_APP_ID: appId, WECHAT_APP_SECRET: appSecret } = secrets;
const crypt = new WXBizMsgCrypt(token, aesKey, appId);
const customer = 'oINTEROP0000000000000000000A';

const at = (port) => `127.0.0.1:${port}`;
const sha1 = (...parts) => createHash('sha1').update(parts.sort().join('')).digest('hex');
// The one element of that name, its CDATA or its text.
const element = (xml, name) => new RegExp(`<${name}>(?:<!\\[CDATA\\[([\\s\\S]*?)\\]\\]>|([^<]*))</${name}>`).exec(xml)?.slice(1).find((x) => x !== undefined);

const textPush = (text, id, from = customer) => `<xml><ToUserName><![CDATA[gh_interop]]></ToUserName><FromUserName><![CDATA[${from}]]></FromUserName>`
  + `<CreateTime>${Math.floor(Date.now() / 1000)}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${text}]]></Content>`
  + `<MsgId>${id}</MsgId></xml>`;

// An encrypted body, signed, as wechat-crypto makes it: of a push and of a reply alike.
function sealed(xml) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomBytes(6).toString('hex');
  const encrypt = crypt.encrypt(xml);
  return { timestamp, nonce, encrypt, signature: crypt.getSignature(timestamp, nonce, encrypt) };
}

describe('wechat-crypto and the gateway in safe mode', () => {
  let gateway;
  let folder;
  let url;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kefu-interop-'));
    const [http, queue, tap, admin, ops] = await freePorts(5);
    url = `http://${at(http)}/`;
    gateway = new Program('gateway', {
      WECHAT_AES_KEY: aesKey, KEFU_HTTP_LISTEN: at(http), KEFU_QUEUE_LISTEN: `tcp://${at(queue)}`, KEFU_TAP_LISTEN: `tcp://${at(tap)}`,
      KEFU_ADMIN_LISTEN: `tcp://${at(admin)}`, KEFU_OPS_LISTEN: at(ops), KEFU_DATA_DIR: join(folder, 'data'),
      KEFU_MEDIA_DIR: join(folder, 'media'), KEFU_REPLY_TRANSFER: 'one moment ]]> 请稍候 🌺',
    });
    await gateway.untilReady();
  });
  after(async () => {
    await gateway.stop();
    await rm(folder, { recursive: true, force: true });
  });

  // Pushes as WeChat does: both signatures in the query.
  async function push(xml, bend = {}) {
    const { timestamp, nonce, encrypt, signature } = { ...sealed(xml), ...bend };
    const query = new URLSearchParams({
      signature: sha1(token, timestamp, nonce), timestamp, nonce, openid: customer, encrypt_type: 'aes', msg_signature: signature,
    });
    const body = `<xml><ToUserName><![CDATA[gh_interop]]></ToUserName><Encrypt><![CDATA[${encrypt}]]></Encrypt></xml>`;
    const answer = await fetch(`${url}?${query}`, { method: 'POST', body, headers: { 'content-type': 'text/xml' } });
    return { status: answer.status, body: await answer.text() };
  }

  test('what it encrypts is understood, and it decrypts what is answered', async () => {
    const { status, body } = await push(textPush('你好 🌺', '6054768590064713001'));
    assert.equal(status, 200);
    const encrypt = element(body, 'Encrypt');
    assert.ok(encrypt, body);
    assert.equal(element(body, 'MsgSignature'), crypt.getSignature(element(body, 'TimeStamp'), element(body, 'Nonce'), encrypt));
    const { message, id } = crypt.decrypt(encrypt);
    assert.equal(id, appId);
    assert.equal(element(message, 'ToUserName'), customer);
    assert.equal(element(message, 'FromUserName'), 'gh_interop');
    assert.equal(element(message, 'MsgType'), 'text');
    assert.match(message, /one moment \]\]/);
    assert.match(message, /请稍候 🌺/);
  });

  test('messages of every length up to two blocks of padding are understood', async () => {
    for (let length = 0; length < 64; ++length) {
      const { status, body } = await push(textPush('x'.repeat(length), `60547685900647140${length}`));
      assert.equal(status, 200);
      assert.equal(body, 'success', `${length}`); // the conversation is open: no second please-wait
    }
  });

  test('what is not signed, or is for another key or account, is not taken', async () => {
    const xml = textPush('hello', '6054768590064715001', 'oINTEROP0000000000000000000B');
    assert.equal((await push(xml, { signature: '0'.repeat(40) })).status, 403);
    for (const forger of [new WXBizMsgCrypt(token, aesKey, 'wxsomebodyelse000'), new WXBizMsgCrypt(token, 'A'.repeat(43), appId)]) {
      const { timestamp, nonce } = sealed(xml);
      const encrypt = forger.encrypt(xml);
      const { body } = await push(xml, { timestamp, nonce, encrypt, signature: crypt.getSignature(timestamp, nonce, encrypt) });
      assert.equal(element(body, 'Encrypt'), undefined);
    }
    assert.ok(element((await push(xml)).body, 'Encrypt')); // the first word of this customer
  });
});

describe('wechat-crypto in the place of the gateway, and co-wechat-api in the place of the notifier', () => {
  let sandbox;
  let url;
  let server;
  const pushes = []; // decrypted
  const wrong = [];

  const post = async (path, body) => {
    const answer = await fetch(`${url}/api/${path}`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
    assert.equal(answer.status, 200, `${path}: ${answer.status}`);
    return answer.json();
  };
  const seen = async (id) => (await (await fetch(`${url}/api/customer?id=${id}`)).json()).seen;
  const client = () => {
    const api = new WechatAPI(appId, appSecret);
    api.prefix = `${url}/cgi-bin/`;
    return api;
  };
  const codeOf = async (call) => {
    try {
      await call;
    } catch (why) {
      return why.code;
    }
    return 0;
  };

  before(async () => {
    // A shop's server as others write it: checks, decrypts, answers encrypted.
    server = createServer(async (request, response) => {
      let body = '';
      for await (const bytes of request) body += bytes;
      const query = new URL(request.url, 'http://shop').searchParams;
      const encrypt = element(body, 'Encrypt') ?? '';
      const [timestamp, nonce] = [query.get('timestamp'), query.get('nonce')];
      if (query.get('signature') !== sha1(token, timestamp, nonce)) wrong.push('signature');
      if (query.get('msg_signature') !== crypt.getSignature(timestamp, nonce, encrypt)) wrong.push('msg_signature');
      if (query.get('encrypt_type') !== 'aes') wrong.push('encrypt_type');
      const { message, id } = crypt.decrypt(encrypt);
      if (id !== appId) wrong.push(`appid ${id}`);
      if (element(message, 'FromUserName') !== query.get('openid')) wrong.push('openid');
      pushes.push(message);
      const reply = sealed(`<xml><ToUserName><![CDATA[${element(message, 'FromUserName')}]]></ToUserName>`
        + `<FromUserName><![CDATA[${element(message, 'ToUserName')}]]></FromUserName><CreateTime>${element(message, 'CreateTime')}</CreateTime>`
        + '<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[好的 🌺]]></Content></xml>');
      response.setHeader('content-type', 'text/xml');
      response.end(`<xml><Encrypt><![CDATA[${reply.encrypt}]]></Encrypt><MsgSignature><![CDATA[${reply.signature}]]></MsgSignature>`
        + `<TimeStamp>${reply.timestamp}</TimeStamp><Nonce><![CDATA[${reply.nonce}]]></Nonce></xml>`);
    });
    const [page, ops, shop] = await freePorts(3);
    await new Promise((done) => server.listen(shop, '127.0.0.1', done));
    url = `http://${at(page)}`;
    sandbox = new Program('sandbox', {
      KEFU_SANDBOX_LISTEN: at(page), KEFU_GATEWAY_URL: `http://${at(shop)}`, KEFU_OPS_LISTEN: at(ops), WECHAT_AES_KEY: aesKey,
    });
    await sandbox.untilReady();
  });
  after(async () => {
    await sandbox.stop();
    await new Promise((done) => server.close(done));
  });

  test('the sandbox pushes what others decrypt, and shows what they answer', async () => {
    const { customer: id } = await post('follow', { wait: true });
    await post('say', { customer: id, text: '山茶花 ]]> & <b> 🌺', wait: true });
    assert.deepEqual(wrong, []);
    assert.equal(element(pushes[0], 'Event'), 'subscribe');
    assert.equal(element(pushes[1], 'MsgType'), 'text');
    assert.match(pushes[1], /山茶花 \]\]> & <b> 🌺/);
    assert.match(element(pushes[1], 'MsgId'), /^\d+$/);
    await until('the reply is shown', async () => (await seen(id)).some((one) => one.kind === 'reply' && one.text === '好的 🌺'));
  });

  test('co-wechat-api gets a token and sends texts', async () => {
    const { customer: id } = await post('follow', { wait: true });
    await post('say', { customer: id, text: 'hello', wait: true });
    const api = client();
    const first = await api.getAccessToken();
    assert.ok(first.accessToken.length > 20 && first.accessToken.length <= 512);
    assert.equal((await api.sendText(id, '您好 🌺\n<a href="https://shop.example">shop</a>')).errcode, 0);
    await until('the customer sees it', async () => (await seen(id)).some((one) => one.text?.startsWith('您好 🌺\n<a href')));
    const stranger = client();
    stranger.tokenFromCustom = true; // no retry with a token of its own
    stranger.ensureAccessToken = async () => ({ accessToken: 'nonsense' });
    assert.equal(await codeOf(stranger.sendText(id, 'x')), 40001);
    assert.equal(await codeOf(api.sendText('nobody', 'x')), 40003);
    assert.equal(await codeOf(api.sendText(id, 'x'.repeat(2049))), 45002);
    const wrongSecret = client();
    wrongSecret.appsecret = 'wrong';
    assert.ok([40001, 40125].includes(await codeOf(wrongSecret.getAccessToken())));
  });

  test('co-wechat-api uploads, sends and fetches media', async () => {
    const { customer: id } = await post('follow', { wait: true });
    await post('send', { customer: id, type: 'image', wait: true });
    const api = client();
    const photo = Buffer.from(await (await fetch(`${url}/samples/photo.jpg`)).arrayBuffer());
    const uploaded = await api.uploadMedia(photo, 'image', 'photo.jpg', 'image/jpeg');
    assert.equal(uploaded.type, 'image');
    assert.equal((await api.sendImage(id, uploaded.media_id)).errcode, 0);
    assert.deepEqual((await seen(id)).at(-1).content.media_id, uploaded.media_id);
    const own = element(pushes.at(-1), 'MediaId');
    assert.deepEqual(await api.getMedia(own), photo);
    assert.equal(await codeOf(api.getMedia('nonsense')), 40007);
    assert.equal(await codeOf(api.uploadMedia(photo, 'image', 'photo.png', 'image/png')), 40113);
    assert.equal(await codeOf(api.sendVoice(id, uploaded.media_id)), 40007);
  });

  test('co-wechat-api sends no sixth text', async () => {
    const { customer: id } = await post('follow', { wait: true });
    await post('say', { customer: id, text: 'hello', wait: true });
    const api = client();
    for (let i = 0; i < 5; ++i) assert.equal((await api.sendText(id, `${i}`)).errcode, 0);
    assert.equal(await codeOf(api.sendText(id, 'six')), 45047);
  });
});
