// The pictures of docs/console.md.
'use strict';
const path = require('node:path');
const { ask, createKey, openPage, close, signIn, view } = require('./world.js');

const save = (page, name) =>
  page.screenshot({ path: path.join(process.env.PICTURES, `console-${name}.png`) });
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

exports['of each theme and of a phone'] = async (browser) => {
  const people = ['ann', 'bob', 'carol', 'auth0|5f7c8ec7c33c6c00', 'Zoë'];
  const create = (user = pick(people)) =>
    createKey({
      user,
      application: pick(['shop', 'billing']),
      workspace: pick(['acme', 'globex']),
      name: pick(['laptop', 'ci', 'phone', 'batch']),
      permissions: ['orders:read', 'orders:write'],
    });
  const lasting = await create('ann');
  const pages = {};
  for (const colorScheme of ['light', 'dark'])
    pages[colorScheme] = await signIn(
      await openPage(browser, { colorScheme, viewport: { width: 1280, height: 760 } }),
    );
  pages.phone = await signIn(await openPage(browser, { viewport: { width: 390, height: 844 } }));
  for (let i = 0; i < 130; ++i) {
    const key = await create();
    await ask('DELETE', `/v1/keys/${key.key_id}`, {
      reason: pick(['leaked', 'leaked in a repository', 'unused', 'offboarding']),
    });
    await pause(Math.random() * (i % 40 < 28 ? 90 : 900));
  }
  for (let i = 0; i < 4; ++i) await create('bob');
  await ask('POST', `/v1/keys/${(await create()).key_id}/suspend`, { reason: 'odd traffic' });
  await ask('DELETE', '/v1/users/bob/keys', { reason: 'offboarding' });
  await pause(3500);
  for (const [name, page] of Object.entries(pages)) await save(page, name);

  const page = pages.light;
  await view(page, `#/key/${lasting.key_id}`, lasting.key_id);
  await page.getByRole('button', { name: 'Revoke' }).click();
  await page.getByLabel('Reason').fill('leaked in a repository');
  process.kill(Number(process.env.LAST_GATEWAY), 'SIGSTOP');
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('2 of 3 gateways enforce it.').first().waitFor();
  await save(page, 'revoking');
  process.kill(Number(process.env.LAST_GATEWAY), 'SIGCONT');
  await page
    .getByText(/^All 3 gateways/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Done' }).click();
  for (let i = 0; i < 17; ++i)
    await fetch(`${process.env.GATEWAY}/check`, { headers: { Authorization: `Bearer ${lasting.secret}` } });
  await pause(4000);
  await view(page, '#/', 'Overview');
  await view(page, `#/key/${lasting.key_id}`, lasting.key_id);
  await page.getByText('17 attempts while it was denied').waitFor();
  await page
    .getByRole('region', { name: 'Receipt' })
    .getByText(/^All 3/)
    .waitFor();
  await save(page, 'key');
  for (const each of Object.values(pages)) await close(each);
};
