#!/usr/bin/env node
/** The command. Checks the Node version before anything else is loaded, so that an old one gets words, not a stack. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`tierfall needs Node.js 22.18 or newer; this is ${process.versions.node}.\n`);
  process.exitCode = 2;
} else {
  const { main } = await import('./main.ts');
  await main();
}
