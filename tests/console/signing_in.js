'use strict';
const assert = require('node:assert');
const { MASTER_KEY, ENGINE, ask, createKey, openPage, close, signIn } = require('./world.js');

const isAsked = (page) => page.getByRole('button', { name: 'Sign in' }).waitFor();

exports['a wrong key is refused, a right one stays in memory and in one header'] = async (browser) => {
  const page = await openPage(browser);
  await page.getByLabel('Key', { exact: true }).fill('rvk_wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('does not know this key').waitFor();
  await signIn(page);
  assert.deepStrictEqual(
    await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]),
    [0, 0, ''],
  );
  assert(page.sent.some((request) => request.startsWith(`${ENGINE}/v1/`)));
  assert(
    page.sent.every((request) => !request.includes(MASTER_KEY)),
    'the key is in an address or a body',
  );
  await page.reload();
  await isAsked(page);
  await close(page);
};

exports['a key is kept in the tab if asked, until signing out'] = async (browser) => {
  const page = await openPage(browser);
  await page.getByLabel('Keep it').check();
  await signIn(page);
  await page.reload();
  await page.getByRole('search').waitFor();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await isAsked(page);
  assert.strictEqual(await page.evaluate(() => sessionStorage.length), 0);
  await close(page);
};

exports['a key that ends signs its reader out'] = async (browser) => {
  const reader = await createKey({ permissions: ['gateways:read', 'gateway'] });
  const page = await signIn(await openPage(browser), reader.secret);
  await ask('DELETE', `/v1/keys/${reader.key_id}`);
  await page.getByRole('alert').getByText('no longer valid').waitFor();
  await close(page);
};
