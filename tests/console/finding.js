'use strict';
const assert = require('node:assert');
const { createKey, openPage, close, signIn, find, heading, eventually } = require('./world.js');

const becomes = (page, id) =>
  eventually(
    `the view of ${id}`,
    async () =>
      (await page.locator('h1').count()) === 1 &&
      (await heading(page)) === id &&
      !page.url().includes('/find/'),
  );

exports['ids of each kind lead to what they name'] = async (browser) => {
  const key = await createKey({
    user: 'find-user',
    application: 'find-app',
    workspace: 'find-space',
    name: 'The odd name',
  });
  const page = await signIn(await openPage(browser));
  for (const id of [key.key_id, 'find-user', 'find-app', 'find-space']) {
    const begin = Date.now();
    await find(page, id);
    await becomes(page, id);
    if (id === key.key_id) console.log(`found a key in ${Date.now() - begin} ms`);
  }
  await page.getByRole('link', { name: key.key_id }).first().waitFor();
  await find(page, 'odd NAME', 'Name');
  await page.getByRole('row').filter({ hasText: key.key_id }).getByText('The odd name').waitFor();
  await find(page, 'nobody at all');
  await page.getByText('No key, user, application or workspace has this id.').waitFor();
  await page.getByRole('button', { name: 'Look through the names' }).click();
  await page.getByText(/^None among \d+ keys, all there are/).waitFor();
  await close(page);
};

exports['a pasted secret is hashed here and never sent'] = async (browser) => {
  const issued = await createKey({ user: 'leaky' });
  const elsewhere = `Zx81-Brought.From~${process.pid}`;
  const brought = await createKey({ secret: elsewhere });
  const page = await signIn(await openPage(browser));
  await find(page, `  "${issued.secret}"\t`);
  await becomes(page, issued.key_id);
  assert.strictEqual(await page.getByRole('searchbox').inputValue(), '');
  await find(page, elsewhere, 'Secret');
  await becomes(page, brought.key_id);
  const unknown = 'sk_live_4eC39HqLyjWDarjtT1zdp7dcXYZ';
  await find(page, unknown);
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Only its digest was sent').waitFor();
  for (const secret of [issued.secret, 'Zx81-Brought', unknown]) {
    assert(
      page.sent.every((request) => !request.includes(secret)),
      'a secret was sent',
    );
    assert(!page.url().includes(secret));
  }
  await dialog.getByRole('button', { name: 'Look it up as an id' }).click();
  await page.getByText('No key, user, application or workspace has this id.').waitFor();
  await close(page);
};

const hostile = [
  '"><img src=x onerror=alert(1)>',
  '100% "a/b?c=d#e&f" %2e%2e%2f',
  'javascript:alert(1)',
  "Zoë ☃ 🗝 \u202eright to left \\ `${x}` 'it''s'",
  '__proto__',
  'W'.repeat(256),
];

exports['an id may be anything'] = async (browser) => {
  const page = await signIn(await openPage(browser));
  for (const id of hostile) {
    const key = await createKey({ user: id, name: id, metadata: { [id.slice(0, 40)]: id } });
    await find(page, id, 'User');
    await becomes(page, id);
    await page.getByRole('link', { name: key.key_id }).first().click();
    await becomes(page, key.key_id);
    await page.getByRole('region', { name: 'Record' }).getByRole('link', { name: id, exact: true }).waitFor();
  }
  await page.goBack();
  await becomes(page, hostile.at(-1));
  await page.reload();
  await signIn(page);
  await becomes(page, hostile.at(-1));
  const odd = `<b>&;$=key'(${process.pid})|^~`;
  await createKey({ key_id: odd });
  await find(page, odd);
  await becomes(page, odd);
  assert.strictEqual(await page.locator('main img, main script, main b').count(), 0);
  for (const id of ['.', '..', '\ud800']) {
    await find(page, id, 'Key id');
    await page
      .getByText(/No key has this id|Overview/)
      .first()
      .waitFor({ state: 'attached' });
  }
  await close(page);
};
