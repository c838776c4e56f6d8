// Nobody is kept from the page: axe finds nothing to mend, in any of its states.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { startStack } from './stack.mjs';

const patience = { timeout: 20_000 };
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// A line for each rule that an element breaks.
async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document));
  return found.violations.flatMap((rule) => rule.nodes.map((node) =>
    `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.replaceAll(/\s+/g, ' ')}`));
}

describe('accessibility', () => {
  let browser;
  let stack;
  before(async () => {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
    });
    stack = await startStack('en');
  });
  after(async () => {
    await browser?.close();
    await stack?.stop();
  });
  const open = async (options) => {
    const page = await browser.newPage({ locale: 'en', viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options });
    await page.goto(stack.url);
    await page.locator('#live.on').waitFor(patience);
    return page;
  };

  test('of the page that a newcomer sees', async () => {
    for (const colorScheme of ['light', 'dark']) {
      const page = await open({ colorScheme });
      assert.deepEqual(await violations(page), [], colorScheme);
      await page.close();
    }
  });

  test('of a conversation with all that can be in it', async () => {
    const page = await open();
    const send = async (side, what, seen) => {
      await page.click(`#${side}-attach`);
      await page.click(`#${side}-tray [data-send="${what}"]`);
      await page.locator(seen).first().waitFor(patience);
    };
    await page.click('#follow');
    await page.locator('#phone-chat .welcome').waitFor(patience);
    for (const text of ['Hello', 'Are you there?']) {
      await page.fill('#phone-text', text);
      await page.press('#phone-text', 'Enter');
      await page.locator('#talk-chat .theirs .bubble').filter({ hasText: text }).waitFor(patience);
    }
    await page.fill('#talk-text', 'Here I am');
    await page.press('#talk-text', 'Enter');
    await page.locator('#phone-chat .message .bubble').filter({ hasText: 'Here I am' }).waitFor(patience);
    await send('phone', 'image', '#talk-chat .theirs .photo img');
    await send('phone', 'voice', '#talk-chat .theirs .voice');
    await send('phone', 'video', '#talk-chat .theirs video');
    await send('phone', 'location', '#talk-chat .theirs .card.place');
    await send('phone', 'link', '#talk-chat .theirs .card.link');
    await send('talk', 'card', '#phone-chat .message .card.link');
    await page.click('#add-customer');
    await page.click('#follow');
    await page.locator('#phone-chat .welcome').waitFor(patience);
    await page.fill('#phone-text', 'A second customer');
    await page.press('#phone-text', 'Enter');
    await page.locator('.entry .badge:not([hidden])').waitFor(patience);
    await page.click('#phone-attach');
    await page.click('#talk-attach');
    assert.deepEqual(await violations(page), [], 'light');
    await page.emulateMedia({ colorScheme: 'dark' });
    assert.deepEqual(await violations(page), [], 'dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 390, height: 844 });
    assert.deepEqual(await violations(page), [], 'narrow');
  });
});
