/** Adds to package-lock.json the platform packages npm left out. Run it after every change of dependencies. */
import { readFileSync, writeFileSync } from 'node:fs';
import { completeLockfile, findMissingEntries, type Lockfile } from './lockfile.ts';

const file = new URL('../package-lock.json', import.meta.url);
const lock: Lockfile = JSON.parse(readFileSync(file, 'utf8'));
const missing = findMissingEntries(lock);
if (missing.length > 0) writeFileSync(file, `${JSON.stringify(completeLockfile(lock), null, 2)}\n`);
process.stdout.write(`package-lock.json: ${missing.length} platform packages added\n`);
