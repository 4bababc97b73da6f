'use strict';
const assert = require('node:assert');
const {
  ask,
  createKey,
  openPage,
  close,
  signIn,
  view,
  find,
  expectAccessible,
  expectNoSidewaysScroll,
} = require('./world.js');

const focused = (page) =>
  page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
const regions = (page, ...names) =>
  Promise.all(
    names.map((name) =>
      page.getByRole('region', { name }).locator('table, ol, ul, dl, .note').first().waitFor(),
    ),
  );

exports['everything works with the keyboard alone'] = async (browser) => {
  const key = await createKey({ user: 'keys only' });
  const page = await openPage(browser);
  await page.keyboard.type(process.env.MASTER_KEY); // the field has the focus
  await page.keyboard.press('Enter');
  await page.getByRole('search').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type(key.key_id);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: key.key_id }).waitFor();
  await page.getByRole('button', { name: 'Revoke' }).waitFor();
  assert.strictEqual(await focused(page), key.key_id, 'a new view has the focus on its heading');
  for (let i = 0; (await focused(page)) !== 'Revoke'; ++i) {
    assert(i < 10);
    await page.keyboard.press('Tab');
  }
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.strictEqual(ring, 'solid', 'the focus is visible');
  await page.keyboard.press('Enter');
  assert.strictEqual(await focused(page), 'reason');
  await page.keyboard.press('Escape');
  assert.strictEqual(await focused(page), 'Revoke', 'the focus is given back');
  await page.keyboard.press('Enter');
  await page.keyboard.type('leaked');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Done' }).waitFor();
  assert.strictEqual(await focused(page), 'Done');
  await page
    .getByText(/^All 3 gateways/)
    .first()
    .waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.head').getByText('revoked').waitFor();
  assert.notStrictEqual(await focused(page), '');
  await page.keyboard.press('Shift+Tab');
  await close(page);
};

// Shows each view in turn to `look`.
async function walk(page, look) {
  await look('signing in');
  const owner = `walker-${'x'.repeat(200)}`;
  const dead = await createKey({
    user: owner,
    name: 'n'.repeat(256),
    workspace: 'acme',
    permissions: ['keys:read'],
    metadata: { note: 'm'.repeat(300) },
  });
  const key = await createKey({ user: owner, name: 'laptop', expires_at: '2100-01-01T00:00:00Z' });
  const { position } = await ask('DELETE', `/v1/keys/${dead.key_id}`, { reason: 'r'.repeat(250) });
  await signIn(page);
  await regions(page, 'Revocations', 'Gateways', 'Propagation', 'Engines');
  await page.getByRole('link', { name: dead.key_id }).waitFor();
  await look('the overview');
  await view(page, `#/key/${dead.key_id}`, dead.key_id);
  await regions(page, 'Record', 'Life', 'Receipt', 'Audit trail');
  await look('a dead key');
  await view(page, `#/user/${owner}`, owner);
  await regions(page, 'Keys', 'Audit trail');
  await look('an owner');
  await view(page, `#/receipt/${position}`, position);
  await regions(page, 'Gateways');
  await look('a receipt');
  await find(page, owner, 'Name');
  await page.getByText(/all there are/).waitFor();
  await look('finding');
  await find(page, `sk_live_${'aB3'.repeat(12)}`, 'Secret');
  await page.getByRole('dialog').getByText('No key').waitFor();
  await look('a message');
  await page.keyboard.press('Escape');
  await view(page, `#/key/${key.key_id}`, key.key_id);
  await page.getByRole('button', { name: 'Revoke' }).click();
  await look('a question');
  await page.getByLabel('Reason').fill('leaked');
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page
    .getByText(/^All 3 gateways/)
    .first()
    .waitFor();
  await look('gateways that have turned');
}

// In both themes: the second time only what differs.
async function lookClosely(page, what) {
  await page.emulateMedia({ colorScheme: 'light' });
  const passed = await expectAccessible(page, `${what}, light`);
  await page.emulateMedia({ colorScheme: 'dark' });
  await expectAccessible(page, `${what}, dark`, ['color-contrast']);
  await page.setViewportSize({ width: 390, height: 844 });
  await expectNoSidewaysScroll(page, what);
  await page.setViewportSize({ width: 1280, height: 800 });
  return passed;
}

exports['axe-core finds nothing in either theme, and a phone shows all without scrolling sideways'] = async (
  browser,
) => {
  const page = await openPage(browser);
  let passed = 0;
  await walk(page, async (what) => {
    passed += await lookClosely(page, what);
  });
  console.log(`axe-core: ${passed} checks passed`);
  await close(page);
};
