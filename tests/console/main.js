// Drives the console in Chromium, against the engine, Redis and gateways that tests/integration/console_systest.cpp has
// started. Says "passed" at the end; any surprise is an exception. Makes pictures instead where PICTURES names a folder.
'use strict';
const { openBrowser } = require('./world.js');

const topics = ['access', 'signing_in', 'watching', 'finding', 'revoking', 'permissions'];

async function main() {
  const browser = await openBrowser();
  for (const topic of process.env.PICTURES ? ['pictures'] : topics) {
    for (const [name, test] of Object.entries(require(`./${topic}.js`))) {
      const begin = Date.now();
      await test(browser).catch((error) => {
        error.message = `${topic}, ${name}: ${error.message}`;
        throw error;
      });
      console.log(`${topic}, ${name}: ${Date.now() - begin} ms`);
    }
  }
  await browser.close();
  console.log('passed');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
