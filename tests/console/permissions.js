'use strict';
const assert = require('node:assert');
const { ask, createKey, openPage, close, signIn, view, find } = require('./world.js');

exports['a reader of keys sees those, and what else it would need'] = async (browser) => {
  const key = await createKey({ user: 'seen', name: 'readable' });
  const reader = await createKey({ permissions: ['keys:read'] });
  const page = await signIn(await openPage(browser), reader.secret);
  const lacks = (region, permission) =>
    page.getByRole('region', { name: region }).getByText(permission, { exact: true }).first().waitFor();
  await lacks('Gateways', 'gateways:read');
  await lacks('Revocations', 'audit:read');
  await view(page, `#/key/${key.key_id}`, key.key_id);
  await page.getByRole('region', { name: 'Record' }).getByText('readable').waitFor();
  await lacks('Audit trail', 'audit:read');
  await page.getByRole('button', { name: 'Revoke' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('may I?');
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await dialog.getByText('keys:revoke', { exact: true }).waitFor();
  await page.keyboard.press('Escape');
  assert.strictEqual((await ask('GET', `/v1/keys/${key.key_id}`)).state, 'active');
  await find(page, key.secret);
  await dialog.getByText('keys:revoke', { exact: true }).waitFor();
  await close(page);
};

exports['one who may revoke and not read receipts gets the count'] = async (browser) => {
  const key = await createKey();
  const reader = await createKey({ permissions: ['keys:read', 'keys:revoke'] });
  const page = await signIn(await openPage(browser), reader.secret);
  await page.getByRole('region', { name: 'Gateways' }).getByText('gateways:read').waitFor();
  await view(page, `#/key/${key.key_id}`, key.key_id);
  await page.getByRole('button', { name: 'Revoke' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('leaked');
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await dialog.getByText('3/3 gateways enforce it.').waitFor();
  await close(page);
};
