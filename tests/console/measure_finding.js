// For bench/measure-console: creates 100 keys beside those that are there, finds each by its id, by its user and by its secret, and says
// how long that took: from Enter until the view has its content.
'use strict';
const { createKey, openBrowser, openPage, signIn } = require('./world.js');

const kinds = { key_id: 'Anything', user: 'User', secret: 'Secret' };

async function measure(page, text, kind, heading) {
  await page.getByLabel('What to find').selectOption({ label: kind });
  await page.getByRole('searchbox', { name: 'Find' }).fill(text);
  const began = performance.now();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
  await page.locator('main table, main dl').first().waitFor();
  return performance.now() - began;
}

(async () => {
  const keys = [];
  for (let i = 0; i < 100; ++i) keys.push({ user: `sought ${i}`, ...(await createKey({ user: `sought ${i}` })) });
  const browser = await openBrowser();
  const page = await signIn(await openPage(browser));
  for (const [member, kind] of Object.entries(kinds)) {
    const times = [];
    for (const key of keys) times.push(await measure(page, key[member], kind, member === 'user' ? key.user : key.key_id));
    times.sort((a, b) => a - b);
    const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))].toFixed(0);
    console.log(`found by ${member.padEnd(7)} p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  longest ${at(1)} ms  (${times.length})`);
  }
  await browser.close();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
