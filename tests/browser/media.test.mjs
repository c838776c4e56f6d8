// Pictures, voices, videos, places and links travel both ways through the real programs, and a person sees them.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { startStack } from './stack.mjs';

const here = dirname(fileURLToPath(import.meta.url));
// As in conversation.test.mjs: KEFU_IMAGES renews docs/images/media.png.
const images = process.env.KEFU_IMAGES ?? process.env.KEFU_SHOTS ?? join(here, '../../build/shots');
const patience = { timeout: 20_000 };

describe('media in both directions', () => {
  let browser;
  let stack;
  let page;
  const troubles = [];
  const phone = (what) => page.locator('#phone-chat').locator(what);
  const desk = (what) => page.locator('#talk-chat').locator(what);
  // Chosen from what is behind the ＋.
  const choose = async (side, what) => {
    await page.click(`#${side}-attach`);
    await page.click(`#${side}-tray [data-send="${what}"]`);
  };
  const isLoaded = async (image) => {
    await image.waitFor(patience);
    await image.evaluate((one) => one.complete || new Promise((done, failed) => { one.onload = done; one.onerror = failed; }));
    return image.evaluate((one) => one.naturalWidth);
  };

  before(async () => {
    await mkdir(images, { recursive: true });
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
    });
    stack = await startStack('zh-CN');
    page = await browser.newPage({ locale: 'zh-CN', viewport: { width: 1440, height: 1000 }, reducedMotion: 'reduce' });
    page.on('console', (line) => { if (['error', 'warning'].includes(line.type())) troubles.push(line.text()); });
    page.on('pageerror', (why) => troubles.push(why.message));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(stack.url) && !url.startsWith(`${stack.gateway}/media/`)) troubles.push(`outside: ${url}`);
    });
    await page.goto(stack.url);
    await page.locator('#live.on').waitFor(patience);
    await page.click('#follow');
    await phone('.welcome').waitFor(patience);
  });
  after(async () => {
    await browser?.close();
    const ends = await stack?.stop() ?? [];
    for (const how of ends) assert.deepEqual(how, { status: 0, signal: null });
  });

  test('a picture of the customer reaches the desk', async () => {
    await choose('phone', 'image');
    assert.equal(await isLoaded(phone('.own .photo img')), 320);
    assert.equal(await isLoaded(desk('.theirs .photo img')), 320);
  });

  test('a voice, a video, a place and a link of the customer reach the desk', async () => {
    await choose('phone', 'voice');
    await desk('.theirs .voice').waitFor(patience);
    await choose('phone', 'video');
    const video = desk('.theirs video');
    await video.waitFor(patience);
    assert.match(await video.getAttribute('src'), /^http.*\/media\//);
    assert.match(await video.getAttribute('poster'), /^http.*\/media\//);
    await choose('phone', 'location');
    await desk('.theirs .card.place').waitFor(patience);
    await choose('phone', 'link');
    const link = desk('.theirs .card.link');
    await link.waitFor(patience);
    assert.equal(await link.getAttribute('href'), 'https://example.com/camellia?from=wechat&id=7');
  });

  test("an agent's picture, voice, video, place and card reach the customer", async () => {
    await choose('talk', 'image');
    assert.equal(await isLoaded(phone('.message .photo img')), 320);
    await choose('talk', 'sound');
    await phone('.message .voice').waitFor(patience);
    await choose('talk', 'video');
    await phone('.message video').waitFor(patience);
    await choose('talk', 'location');
    await phone('.message').filter({ hasText: 'Camellia & Co.' }).waitFor(patience);
    await choose('talk', 'card');
    await phone('.message .card.link').filter({ hasText: '山茶养护指南' }).waitFor(patience);
  });

  test('voices and videos play, pictures can be enlarged', async () => {
    await phone('.message .voice').click();
    await page.locator('.voice.playing').waitFor(patience);
    const seconds = await phone('.message video').evaluate((one) => one.play().then(() => one.duration));
    assert.ok(seconds > 1.5 && seconds < 2.5, String(seconds));
    await desk('.theirs .photo').click();
    await page.locator('#viewer[open] img').waitFor(patience);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#viewer[open]').count(), 0);
  });

  test('an agent recalls a message', async () => {
    const last = page.locator('#talk-chat .mine').last();
    await last.hover();
    await last.locator('.recall').click();
    await page.locator('#talk-chat .mine.recalled').waitFor(patience);
  });

  test('the tray is reached by keyboard and leaves by Escape', async () => {
    await page.focus('#phone-attach');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('#phone-tray button:focus').count(), 1);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#phone-attach:focus').count(), 1);
    assert.equal(await page.locator('#phone-tray').isVisible(), false);
  });

  // The README shows it.
  test('the picture of the README', async () => {
    await page.fill('#phone-text', '谢谢，很漂亮！');
    await page.press('#phone-text', 'Enter');
    await desk('.theirs .bubble').filter({ hasText: '谢谢，很漂亮！' }).waitFor(patience);
    await page.waitForFunction(() => !document.querySelector('.voice.playing'));
    await page.evaluate(() => {
      document.activeElement.blur();
      const chat = document.querySelector('#talk-chat');
      chat.scrollTop = chat.querySelector('.theirs .photo').closest('.row').offsetTop - chat.offsetTop - 24;
    });
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(images, 'media.png') });
    assert.deepEqual(troubles, []);
  });
});
