'use strict';
const assert = require('node:assert');
const { ask, createKey, openPage, close, signIn } = require('./world.js');

exports['revocations appear as they happen, with gateways, engines and propagation'] = async (browser) => {
  const before = await createKey({ user: 'earlier' });
  await ask('DELETE', `/v1/keys/${before.key_id}`, { reason: 'before the page was opened' });
  const page = await signIn(await openPage(browser));
  const panel = page.getByRole('region', { name: 'Revocations' });
  await panel.getByText('live', { exact: true }).waitFor();
  await panel.getByRole('link', { name: before.key_id }).waitFor();

  const key = await createKey({ user: 'watched', workspace: 'acme' });
  await ask('DELETE', `/v1/keys/${key.key_id}`, { reason: 'seen live' });
  const row = panel.getByRole('row').filter({ hasText: key.key_id });
  await row.getByText('seen live').waitFor();
  await row.getByText('watched').waitFor();
  await page.getByRole('img', { name: /^\d+ revocations in the last minute/ }).waitFor();
  const shown = await row.locator('time').getAttribute('title');
  assert.match(shown, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC$/);

  for (const name of ['edge-1', 'edge-2', 'edge-3']) {
    await page
      .getByRole('region', { name: 'Gateways' })
      .getByRole('row')
      .filter({ hasText: name })
      .getByText('current')
      .waitFor();
  }
  await page.locator('.tile', { hasText: 'Gateways current' }).getByText('3/3').waitFor();
  await page
    .getByRole('region', { name: 'Engines' })
    .getByText(/ready|current|leader/)
    .first()
    .waitFor();
  await page.getByRole('region', { name: 'Propagation' }).getByText(/ms$/).first().waitFor();
  await close(page);
};

exports['a caller without the permission gateway sees the audit trail'] = async (browser) => {
  const auditor = await createKey({ permissions: ['audit:read'] });
  const page = await signIn(await openPage(browser), auditor.secret);
  const panel = page.getByRole('region', { name: 'Revocations' });
  await panel.getByText('every 2 s').waitFor();
  const key = await createKey();
  await ask('DELETE', `/v1/keys/${key.key_id}`);
  await panel.getByRole('link', { name: key.key_id }).waitFor();
  await close(page);
};

exports['an engine that does not answer is asked again'] = async (browser) => {
  const page = await signIn(await openPage(browser));
  const panel = page.getByRole('region', { name: 'Gateways' });
  await panel.getByText('current').first().waitFor();
  page.isCut = true;
  await page.route('**/v1/gateways', (route) => route.abort());
  await panel.getByText('The engine does not answer.').waitFor();
  await page.unroute('**/v1/gateways');
  await panel.getByText('current').first().waitFor();
  page.isCut = false;
  await close(page);
};
