/** A process that holds the lock of a journal, as a worker does that packs leftovers. Arguments: directory, how long in ms. */
import { setTimeout as pause } from 'node:timers/promises';
import { lockDirectory } from '../../src/journal/lock.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';

const [directory = '', ms = '0'] = process.argv.slice(2);

const lock = await lockDirectory(directory, nodeFileSystem);
process.stdout.write('held\n');
await pause(Number(ms));
lock.release();
