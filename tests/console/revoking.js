'use strict';
const assert = require('node:assert');
const { ask, createKey, openPage, close, signIn, view, eventually } = require('./world.js');

const lastGateway = Number(process.env.LAST_GATEWAY); // its process

async function confirm(page, button, reason, verb) {
  await page.getByRole('button', { name: button, exact: true }).click();
  const dialog = page.getByRole('dialog');
  if (reason) await dialog.getByLabel('Reason').fill(reason);
  await dialog.getByRole('button', { name: verb ?? button, exact: true }).click();
  return dialog;
}
const enforced = (dialog) => dialog.getByText(/^All 3 gateways enforce it/).waitFor();
const done = (dialog) => dialog.getByRole('button', { name: 'Done' }).click();

exports['the gateways turn one by one, the one that is stopped by its lease'] = async (browser) => {
  const key = await createKey({ user: 'ann', name: 'laptop' });
  const page = await signIn(await openPage(browser));
  await view(page, `#/key/${key.key_id}`, key.key_id);
  process.kill(lastGateway, 'SIGSTOP');
  try {
    const dialog = await confirm(page, 'Revoke', 'leaked <on> "GitHub"');
    await dialog.getByRole('heading', { name: 'The key is revoked' }).waitFor();
    await dialog.getByText('2 of 3 gateways enforce it.').waitFor();
    await dialog.getByRole('listitem').filter({ hasText: 'edge-3' }).getByText('waiting').waitFor();
    await dialog.getByRole('listitem').filter({ hasText: 'edge-1' }).getByText('applied').waitFor();
    assert.match(await dialog.getByRole('listitem').filter({ hasText: 'edge-1' }).textContent(), /\d ms$/);
    assert.strictEqual((await ask('GET', `/v1/keys/${key.key_id}`)).reason, 'leaked <on> "GitHub"');
    await enforced(dialog);
    await dialog.getByRole('listitem').filter({ hasText: 'edge-3' }).getByText('lease').waitFor();
    await done(dialog);
  } finally {
    process.kill(lastGateway, 'SIGCONT');
  }
  await page.locator('.head').getByText('revoked').waitFor();
  await page.getByRole('region', { name: 'Life' }).getByText('leaked <on> "GitHub"').waitFor();
  await page.getByRole('region', { name: 'Receipt' }).getByText('edge-3').waitFor();
  await page.reload();
  await signIn(page);
  await page.getByRole('region', { name: 'Audit trail' }).getByText('leaked <on> "GitHub"').waitFor();
  await eventually('the last gateway follows again', async () =>
    (await ask('GET', '/v1/gateways')).gateways.every(({ state }) => state === 'current'),
  );
  await close(page);
};

exports['a key is suspended and resumed, and its use after revocation is shown'] = async (browser) => {
  const key = await createKey();
  const page = await signIn(await openPage(browser));
  await view(page, `#/key/${key.key_id}`, key.key_id);
  let dialog = await confirm(page, 'Suspend', 'odd traffic');
  await enforced(dialog);
  await done(dialog);
  dialog = await confirm(page, 'Resume', 'explained');
  await done(dialog);
  await page.locator('.head').getByText('active').waitFor();
  await ask('DELETE', `/v1/keys/${key.key_id}`);
  assert.strictEqual(
    (await fetch(`${process.env.GATEWAY}/check`, { headers: { Authorization: `Bearer ${key.secret}` } }))
      .status,
    403,
  );
  await eventually(
    'the attempt is reported',
    async () => (await ask('GET', `/v1/keys/${key.key_id}`)).used_after_revocation !== undefined,
  );
  await view(page, '#/', 'Overview');
  await view(page, `#/key/${key.key_id}`, key.key_id);
  await page
    .getByRole('region', { name: 'Use after revocation' })
    .getByText('1 attempt while it was denied')
    .waitFor();
  await close(page);
};

exports['an owner is revoked and locked, after its keys are counted'] = async (browser) => {
  const owner = 'leaver <1>/%';
  const keys = [];
  for (let i = 0; i < 60; ++i) keys.push(await createKey({ user: owner, application: 'shop' }));
  const page = await signIn(await openPage(browser));
  await view(page, `#/user/${encodeURIComponent(owner)}`, owner);
  await page.locator('.sum').getByText('60 keys').waitFor();
  const list = page.getByRole('region', { name: 'Keys' });
  await list.getByText('50 keys shown').waitFor();
  await list.getByRole('button', { name: 'More' }).click();
  await list.getByText('60 keys', { exact: true }).waitFor();

  let dialog = await confirm(page, 'Lock', 'under review');
  await enforced(dialog);
  await done(dialog);
  await page.locator('.head').getByText('under review').waitFor();
  assert.strictEqual((await ask('GET', `/v1/keys/${keys[0].key_id}`)).state, 'locked');
  dialog = await confirm(page, 'Unlock', 'reviewed');
  await done(dialog);

  await page.getByRole('button', { name: 'Revoke all keys' }).click();
  await page.getByRole('dialog').getByText('60 keys will end').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.strictEqual((await ask('GET', `/v1/keys/${keys[0].key_id}`)).state, 'active');
  dialog = await confirm(page, 'Revoke all keys', 'offboarding', 'Revoke 60 keys');
  await dialog.getByRole('heading', { name: '60 keys revoked' }).waitFor();
  await enforced(dialog);
  await done(dialog);
  await page.locator('.sum').getByText('0 keys').waitFor();
  await list.getByLabel('State').selectOption('active');
  await list.getByText('No such key.').waitFor();
  await close(page);
};
