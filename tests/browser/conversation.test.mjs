// A person holds the whole conversation on the page, through the real programs, in a real browser.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startStack, until } from './stack.mjs';

const here = dirname(fileURLToPath(import.meta.url));
// Pictures go into the build folder. To renew the README's: KEFU_IMAGES=../../docs/images node --test
const shotsFolder = process.env.KEFU_SHOTS ?? join(here, '../../build/shots');
const images = process.env.KEFU_IMAGES ?? shotsFolder;
const patience = { timeout: 15_000 };

const words = {
  'zh-CN': {
    welcome: '欢迎关注', wait: '您的消息已收到', follow: '关注公众号', unfollow: '取消关注', create: '新顾客',
    question: '你好！请问山茶花苗还有货吗？🌺 想要两盆红色的，周五前能送到吗？',
    answer: '您好！有货的 🌺 两盆红山茶今天就能发出，预计周四送到。需要帮您留下吗？',
    more: '太好了，请帮我留下，谢谢！', second: '想退换一套茶具，怎么办理？',
  },
  en: {
    welcome: 'Thank you for following', wait: 'We have received your message', follow: 'Follow', unfollow: 'Unfollow', create: 'New customer',
    question: 'Hello! Are camellia saplings in stock? 🌺', answer: 'They are: we can send two today.',
    more: 'Wonderful, please keep them for me.', second: 'I would like to return a tea set.',
  },
  ja: {
    welcome: 'フォローありがとうございます', wait: 'メッセージを受け取りました', follow: 'フォローする', unfollow: 'フォロー解除', create: '新しいお客様',
    question: 'こんにちは。椿の苗はまだありますか？🌺', answer: 'はい、ございます。本日発送できます。',
    more: 'では二鉢お願いします。', second: '茶器を返品したいのですが。',
  },
};

let browser;
before(async () => {
  await mkdir(shotsFolder, { recursive: true });
  await mkdir(images, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
});
after(() => browser?.close());

// `options.locale`: the browser's language.
async function openPage(url, troubles, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options });
  page.on('console', (line) => { if (['error', 'warning'].includes(line.type())) troubles.push(line.text()); });
  page.on('pageerror', (why) => troubles.push(why.message));
  page.on('requestfailed', (request) => {
    if (!request.url().includes('/api/events')) troubles.push(`${request.url()} ${request.failure()?.errorText}`);
  });
  page.on('request', (request) => { if (!request.url().startsWith(url)) troubles.push(`outside: ${request.url()}`); });
  await page.goto(url);
  await page.locator('#live.on').waitFor(patience);
  return page;
}

const phoneSays = (page, kind, text) => page.locator(`#phone-chat .${kind} .bubble`).filter({ hasText: text });
const deskSays = (page, side, text) => page.locator(`#talk-chat .${side} .bubble`).filter({ hasText: text });

async function write(page, field, text) {
  await page.locator(field).fill(text);
  await page.locator(field).press('Enter');
}

for (const [locale, say] of Object.entries(words)) {
  describe(`the page in ${locale}`, () => {
    let stack;
    let page;
    const troubles = [];
    before(async () => {
      stack = await startStack(locale);
      page = await openPage(stack.url, troubles, { locale });
    });
    after(async () => {
      await page?.close();
      const ends = await stack?.stop() ?? [];
      for (const how of ends) assert.deepEqual(how, { status: 0, signal: null });
    });

    test('tells a newcomer what to do first', async () => {
      assert.equal(await page.locator('html').getAttribute('lang'), locale);
      assert.equal(await page.locator('#follow').textContent(), say.follow);
      assert.equal(await page.locator('#steps li').count(), 3);
      const unnamed = await page.evaluate(async () => {
        const { locales } = await import('/locales.js');
        const keys = Object.keys(locales.en);
        return Object.entries(locales).flatMap(([name, own]) => keys.filter((key) => !own[key]).map((key) => `${name}: ${key}`));
      });
      assert.deepEqual(unnamed, []);
      await page.screenshot({ path: join(shotsFolder, `welcome-${locale}.png`) });
    });

    test('a customer follows and sees the welcome', async () => {
      await page.getByRole('button', { name: say.follow, exact: true }).click();
      await phoneSays(page, 'welcome', say.welcome).waitFor(patience);
    });

    test('a customer writes, is asked to wait, and the desk shows it', async () => {
      await write(page, '#phone-text', say.question);
      await phoneSays(page, 'own', say.question).waitFor(patience);
      await phoneSays(page, 'reply', say.wait).waitFor(patience);
      await deskSays(page, 'theirs', say.question).waitFor(patience);
      assert.equal(await page.locator('.entry').count(), 1);
      const name = await page.locator('.face-button .face-name').textContent();
      assert.ok(name);
      assert.equal(await page.locator('.entry .name').textContent(), name);
      assert.equal(await page.locator('#talk-name').textContent(), name);
    });

    test('the agent answers and the customer sees it once', async () => {
      await write(page, '#talk-text', say.answer);
      await deskSays(page, 'mine', say.answer).waitFor(patience);
      await phoneSays(page, 'message', say.answer).waitFor(patience);
      await write(page, '#phone-text', say.more);
      await deskSays(page, 'theirs', say.more).waitFor(patience);
      assert.equal(await phoneSays(page, 'message', say.answer).count(), 1);
      assert.equal(await phoneSays(page, 'reply', say.wait).count(), 1);
    });

    test('Shift+Enter makes a new line, and markup stays text', async () => {
      await page.locator('#phone-text').fill('<b>1</b>');
      await page.locator('#phone-text').press('Shift+Enter');
      await page.locator('#phone-text').pressSequentially('<img src=x onerror=alert(1)>');
      await page.locator('#phone-text').press('Enter');
      const shown = deskSays(page, 'theirs', '<b>1</b>');
      await shown.waitFor(patience);
      assert.equal(await shown.textContent(), '<b>1</b>\n<img src=x onerror=alert(1)>');
      assert.equal(await page.locator('.bubble b, .bubble img').count(), 0);
    });

    test('a second customer is a conversation of its own', async () => {
      await page.locator('#add-customer').click();
      await page.getByRole('button', { name: say.follow, exact: true }).click();
      await phoneSays(page, 'welcome', say.welcome).waitFor(patience);
      await write(page, '#phone-text', say.second);
      await until('two conversations', async () => await page.locator('.entry').count() === 2);
      const other = page.locator('.entry').filter({ hasText: say.second });
      assert.equal(await other.locator('.badge').textContent(), '1');
      await phoneSays(page, 'reply', say.wait).waitFor(patience);
      await other.click();
      await deskSays(page, 'theirs', say.second).waitFor(patience);
      assert.equal(await deskSays(page, 'theirs', say.question).count(), 0);
      assert.equal(await phoneSays(page, 'own', say.question).count(), 0);
    });

    test('a page that is opened later shows the same', async () => {
      const later = await openPage(`${stack.url}/`, troubles, { locale, colorScheme: 'dark', viewport: { width: 1280, height: 800 } });
      await until('two conversations', async () => await later.locator('.entry').count() === 2);
      await later.locator('.entry').filter({ hasText: say.second }).click();
      await deskSays(later, 'theirs', say.second).waitFor(patience);
      await write(page, '#talk-text', 'OK 👍');
      await deskSays(later, 'mine', 'OK 👍').waitFor(patience);
      await later.screenshot({ path: join(shotsFolder, `dark-${locale}.png`) });
      await later.close();
    });

    test('a customer unfollows and can write no more', async () => {
      await page.getByRole('button', { name: say.unfollow, exact: true }).click();
      await page.getByRole('button', { name: say.follow, exact: true }).waitFor(patience);
      assert.equal(await page.locator('#phone-text').isVisible(), false);
      await page.locator('.pill.gone').waitFor(patience);
      await until('the IM account is deleted', async () => {
        const state = await (await fetch(`${stack.url}/api/state`)).json();
        const gone = state.customers.filter((one) => !one.following).map((one) => one.id);
        return gone.length === 1 && state.accounts.find((one) => one.id === gone[0])?.deleted;
      });
    });

    test('the page fits a narrow screen', async () => {
      const narrow = await openPage(stack.url, troubles, { locale, viewport: { width: 390, height: 844 } });
      const wider = await narrow.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wider, 0);
      await narrow.screenshot({ path: join(shotsFolder, `narrow-${locale}.png`), fullPage: true });
      await narrow.close();
    });

    test('nothing went wrong in the browser', () => assert.deepEqual(troubles, []));
  });
}

test("the page speaks the browser's language, and the sandbox's to a browser of another", async () => {
  const stack = await startStack('ja');
  try {
    const spoken = { 'en-GB': 'en', 'zh-TW': 'zh-CN', 'ja-JP': 'ja', 'fr-FR': 'ja' };
    for (const [browsers, pages] of Object.entries(spoken)) {
      const page = await openPage(stack.url, [], { locale: browsers });
      assert.equal(await page.locator('html').getAttribute('lang'), pages, browsers);
      await page.close();
    }
    // What the visitor has chosen counts more.
    const page = await openPage(stack.url, [], { locale: 'en-GB' });
    await page.locator('#locales button[lang="zh-CN"]').click();
    await page.reload();
    await page.locator('#live.on').waitFor(patience);
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN');
  } finally {
    await stack.stop();
  }
});

test('an open page finds back to a sandbox that was started anew', async () => {
  const stack = await startStack('en');
  const say = words.en;
  try {
    const page = await openPage(stack.url, [], { locale: 'en' });
    await page.getByRole('button', { name: say.follow, exact: true }).click();
    await phoneSays(page, 'welcome', say.welcome).waitFor(patience);
    await stack.restartSandbox();
    await page.locator('#side-title').waitFor(patience);
    assert.equal(await page.locator('.face-button').count(), 0);
    await page.getByRole('button', { name: say.follow, exact: true }).click();
    await phoneSays(page, 'welcome', say.welcome).waitFor(patience);
    await write(page, '#phone-text', say.question);
    await deskSays(page, 'theirs', say.question).waitFor(patience);
  } finally {
    await stack.stop();
  }
});

test('encrypted pushes and replies hold the same conversation', async () => {
  const stack = await startStack('en', { WECHAT_AES_KEY: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' });
  const say = words.en;
  try {
    const page = await openPage(stack.url, [], { locale: 'en' });
    await page.getByRole('button', { name: say.follow, exact: true }).click();
    await phoneSays(page, 'welcome', say.welcome).waitFor(patience);
    await write(page, '#phone-text', say.question);
    await phoneSays(page, 'reply', say.wait).waitFor(patience);
    await deskSays(page, 'theirs', say.question).waitFor(patience);
    await write(page, '#talk-text', say.answer);
    await phoneSays(page, 'message', say.answer).waitFor(patience);
    assert.equal(await page.locator('#phone-chat .fault').count(), 0);
  } finally {
    await stack.stop();
  }
});

test('a message that cannot be sent is told and stays in the field', async () => {
  const stack = await startStack('en');
  const say = words.en;
  try {
    const page = await openPage(stack.url, [], { locale: 'en' });
    await page.getByRole('button', { name: say.follow, exact: true }).click();
    await phoneSays(page, 'welcome', say.welcome).waitFor(patience);
    await write(page, '#phone-text', say.question);
    await deskSays(page, 'theirs', say.question).waitFor(patience);
    await page.getByRole('button', { name: say.unfollow, exact: true }).click();
    await page.locator('.pill.gone').waitFor(patience);
    await until('the IM account is deleted', async () => {
      const { accounts } = await (await fetch(`${stack.url}/api/state`)).json();
      return accounts.some((one) => one.deleted);
    });
    await write(page, '#talk-text', say.answer);
    await page.locator('#toast.shown').waitFor(patience);
    assert.equal(await page.locator('#talk-text').inputValue(), say.answer);
  } finally {
    await stack.stop();
  }
});

// The README shows it: a conversation in the middle of it.
test('the picture of the README', async () => {
  const stack = await startStack('zh-CN');
  const troubles = [];
  const say = words['zh-CN'];
  try {
    const page = await openPage(stack.url, troubles, { locale: 'zh-CN', deviceScaleFactor: 1 });
    for (const line of ['想退换一套茶具，怎么办理？', say.question]) {
      if (await page.locator('.entry').count()) await page.locator('#add-customer').click();
      await page.getByRole('button', { name: say.follow, exact: true }).click();
      await phoneSays(page, 'welcome', say.welcome).waitFor(patience);
      await write(page, '#phone-text', line);
      await phoneSays(page, 'reply', say.wait).waitFor(patience);
      const entry = page.locator('.entry').filter({ hasText: line });
      await entry.waitFor(patience);
      await entry.click();
    }
    await write(page, '#talk-text', say.answer);
    await phoneSays(page, 'message', say.answer).waitFor(patience);
    await write(page, '#phone-text', say.more);
    await deskSays(page, 'theirs', say.more).waitFor(patience);
    await page.locator('#phone-text').blur();
    await page.screenshot({ path: join(images, 'conversation.png') });
    assert.deepEqual(troubles, []);
  } finally {
    await stack.stop();
  }
});
