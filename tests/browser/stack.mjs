// The real programs on free ports in temporary folders, as ./dev up would start them.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const bin = process.env.KEFU_BIN_DIR ? resolve(process.env.KEFU_BIN_DIR) : join(here, '../../build/bin');
const patience = 20_000;

export const secrets = {
  WECHAT_TOKEN: 'browser-token', WECHAT_APP_ID: 'wxbrowser0000000', WECHAT_APP_SECRET: 'browser-secret',
  IM_SDK_APP_ID: '1400000077', IM_SECRET_KEY: 'browser-im-key', IM_ADMIN: 'administrator',
  IM_AGENTS: 'agent-1,agent-2', IM_CALLBACK_TOKEN: 'browser-callback-token',
};
// Of each program: only what it has a setting for.
const wanted = {
  sandbox: Object.keys(secrets),
  gateway: ['WECHAT_TOKEN', 'WECHAT_APP_ID', 'IM_SDK_APP_ID', 'IM_AGENTS', 'IM_CALLBACK_TOKEN'],
  relay: ['IM_SDK_APP_ID', 'IM_SECRET_KEY', 'IM_ADMIN', 'WECHAT_APP_ID', 'WECHAT_APP_SECRET'],
  notifier: ['WECHAT_APP_ID', 'WECHAT_APP_SECRET'],
};

// Below those that the system gives to outgoing connections by itself, beside those of the C++ tests. Asked for
// together, so that no two are the same.
export async function freePorts(count) {
  const servers = [];
  while (servers.length < count) {
    const server = createServer();
    const port = 20000 + Math.floor(Math.random() * 12000);
    const free = await new Promise((done) => {
      server.once('error', () => done(false)).listen(port, '127.0.0.1', () => done(true));
    });
    if (free) servers.push(server);
  }
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

export async function until(what, check, within = patience) {
  const end = Date.now() + within;
  for (;;) {
    try {
      const value = await check();
      if (value) return value;
    } catch (why) {
      if (Date.now() > end) throw new Error(`${what}: ${why.message}`);
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${within} ms`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export class Program {
  constructor(name, settings) {
    this.name = name;
    this.said = '';
    const given = Object.fromEntries(wanted[name].map((key) => [key, secrets[key]]));
    this.child = spawn(join(bin, `kefu-${name}`), [], { env: { ...given, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (bytes) => { this.said += bytes; });
    this.ended = new Promise((done) => {
      this.child.once('exit', (status, signal) => done({ status, signal }));
      this.child.once('error', (why) => { this.said += why.message; done({ status: -1 }); });
    });
    this.ready = `http://${settings.KEFU_OPS_LISTEN}/readyz`;
  }

  async untilReady() {
    let gone = null;
    this.ended.then((how) => { gone = how; });
    try {
      await until(`${this.name} is ready`, async () => {
        if (gone) return true;
        return (await fetch(this.ready)).ok;
      });
    } catch (why) {
      throw new Error(`${why.message}\n${this.said}`);
    }
    if (gone) throw new Error(`${this.name} ended with ${JSON.stringify(gone)}\n${this.said}`);
  }

  async stop() {
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 11_000);
    const how = await this.ended;
    clearTimeout(late);
    return how;
  }
}

// `wechat`: further settings of the account, for the sandbox and the gateway.
export async function startStack(locale, wechat = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'kefu-browser-'));
  const [page, http, queue, tap, admin, ...ops] = await freePorts(9);
  const at = (port) => `127.0.0.1:${port}`;
  const media = { KEFU_MEDIA_DIR: join(folder, 'media'), KEFU_MEDIA_URL: `http://${at(http)}/media` };
  const settings = {
    sandbox: { KEFU_SANDBOX_LISTEN: at(page), KEFU_SANDBOX_URL: `http://${at(page)}`, KEFU_GATEWAY_URL: `http://${at(http)}`, KEFU_LOCALE: locale, ...wechat },
    gateway: {
      ...wechat, ...media,
      KEFU_HTTP_LISTEN: at(http), KEFU_QUEUE_LISTEN: `tcp://${at(queue)}`, KEFU_TAP_LISTEN: `tcp://${at(tap)}`,
      KEFU_ADMIN_LISTEN: `tcp://${at(admin)}`, KEFU_DATA_DIR: join(folder, 'data'), KEFU_LOCALE: locale,
    },
    relay: { ...media, WECHAT_API: `http://${at(page)}`, KEFU_QUEUE_CONNECT: `tcp://${at(queue)}`, IM_API: `http://${at(page)}` },
    notifier: { ...media, KEFU_QUEUE_CONNECT: `tcp://${at(queue)}`, WECHAT_API: `http://${at(page)}` },
  };
  const programs = Object.entries(settings).map(([name, own], number) =>
    new Program(name, { ...own, KEFU_OPS_LISTEN: at(ops[number]) }));
  const stop = async () => {
    const [sandbox, gateway, ...workers] = programs;
    const ends = [...await Promise.all(workers.map((worker) => worker.stop())), await gateway.stop(), await sandbox.stop()];
    await rm(folder, { recursive: true, force: true });
    return ends;
  };
  try {
    for (const program of programs) await program.untilReady();
  } catch (why) {
    await stop();
    throw why;
  }
  // As when somebody starts it anew: it has forgotten everything.
  const restartSandbox = async () => {
    await programs[0].stop();
    programs[0] = new Program('sandbox', { ...settings.sandbox, KEFU_OPS_LISTEN: at(ops[0]) });
    await programs[0].untilReady();
  };
  return { url: `http://${at(page)}`, gateway: `http://${at(http)}`, stop, restartSandbox };
}
