// The engine of the test, asked without the console; and a browser in which every page is watched: a script's error, a
// violation of the policy, a request to elsewhere or a native dialog fails the test.
'use strict';
const assert = require('node:assert');
const fs = require('node:fs');
const { chromium } = require('playwright-core');

const { ENGINE, MASTER_KEY } = process.env;
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

async function ask(method, path, body, key = MASTER_KEY) {
  const response = await fetch(ENGINE + path, {
    method,
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  assert(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}

const createKey = (members = {}) => ask('POST', '/v1/keys', members);

async function eventually(what, condition, limit = 20000) {
  const end = Date.now() + limit;
  while (!(await condition())) {
    assert(Date.now() < end, `not within ${limit} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const openBrowser = () =>
  chromium.launch({
    executablePath: '/usr/bin/chromium',
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });

// A refused request is an error on Chromium's console as well, and so is one that a test has cut.
function isExpected(page, message) {
  const refused = /^Failed to load resource.* (401|403|404|410) /;
  if (page.isCut && /^Failed to load resource: net::ERR_FAILED/.test(message.text())) return true;
  return refused.test(message.text()) && /\/(v1\/|metrics)/.test(message.location().url);
}

async function newPage(browser, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20000);
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(`${error.message} ${error.stack}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !isExpected(page, message))
      page.faults.push(message.text());
  });
  page.on('dialog', (dialog) => (page.faults.push(`a native dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on('request', (request) => {
    page.sent.push(`${request.url()} ${request.postData() ?? ''}`);
    if (!request.url().startsWith(`${ENGINE}/`)) page.faults.push(`a request to ${request.url()}`);
  });
  return page;
}

let used; // one page after the other in the same tab: a new one takes a second

// The page for signing in.
async function openPage(browser, options) {
  const page = options ? await newPage(browser, options) : (used ??= await newPage(browser));
  page.sent = [];
  page.hasAxe = false;
  await page.goto(`${ENGINE}/console`);
  return page;
}

async function close(page) {
  await page.goto('about:blank');
  assert.deepStrictEqual(page.faults, []);
}

async function signIn(page, key = MASTER_KEY) {
  await page.getByLabel('Key', { exact: true }).fill(key);
  await page.keyboard.press('Enter');
  await page.getByRole('search').waitFor();
  return page;
}

const view = async (page, address, heading) => {
  await page.evaluate((hash) => {
    location.hash = hash;
  }, address);
  await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor({ state: 'attached' });
};

async function find(page, text, kind = 'Anything') {
  await page.getByLabel('What to find').selectOption({ label: kind });
  await page.getByRole('searchbox', { name: 'Find' }).fill(text);
  await page.keyboard.press('Enter');
}

const heading = (page) => page.locator('h1').textContent();

// What axe-core finds wrong with what is shown.
async function expectAccessible(page, what, runOnly) {
  if (!page.hasAxe) await page.evaluate(axe);
  page.hasAxe = true; // until it is reloaded
  const found = await page.evaluate(
    (rules) => axe.run({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) }),
    runOnly,
  );
  const wrong = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
  assert.deepStrictEqual(wrong, [], what);
  return found.passes.length;
}

async function expectNoSidewaysScroll(page, what) {
  const [wide, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert(wide <= shown, `${what} is ${wide} wide where ${shown} are shown`);
}

module.exports = {
  ENGINE,
  MASTER_KEY,
  ask,
  createKey,
  eventually,
  openBrowser,
  openPage,
  close,
  signIn,
  view,
  find,
  heading,
  expectAccessible,
  expectNoSidewaysScroll,
};
