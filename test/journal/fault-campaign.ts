/**
 * `npm run faults`: the journal under every fault of the system, one after the other: SIGKILL at every write, sync and
 * rename of a fixed scenario, EIO and ENOSPC at every one of them, plain and encrypted. Takes minutes, needs strace.
 *
 * `npm run faults -- --every 7` takes every seventh point.
 */
import { parseArgs } from 'node:util';
import { CALLS, canTrace, runUnder } from './fault-runner.ts';

const KINDS: readonly (readonly [name: string, inject: string])[] = [
  ['SIGKILL at a write', `${CALLS.write}:signal=SIGKILL`],
  ['SIGKILL at a sync', `${CALLS.sync}:signal=SIGKILL`],
  ['SIGKILL at a rename or unlink', `${CALLS.rename}:signal=SIGKILL`],
  ['EIO from an fdatasync', 'fdatasync:error=EIO'],
  ['EIO from an fsync', 'fsync:error=EIO'],
  // Not `write`: Node ends itself when a write between its threads fails.
  ['ENOSPC from a writev', 'writev,pwritev:error=ENOSPC'],
  ['EIO from a rename', 'rename:error=EIO'],
];
/** Points that are not there any more, one after the other, before a kind ends: threads count their own calls. */
const MISSES_MAX = 3;

const { values } = parseArgs({ options: { every: { type: 'string', default: '1' } } });
const every = Number(values.every);
if (!(Number.isInteger(every) && every > 0)) {
  process.stderr.write(`faults: --every must be a whole number above 0, found ${values.every}\n`);
  process.exit(2);
}
if (!canTrace()) {
  process.stderr.write('faults: strace is missing, or may not trace here\n');
  process.exit(2);
}
let failures = 0;
for (const [name, inject] of KINDS) {
  for (const isEncrypted of [false, true]) {
    let points = 0;
    let acknowledged = 0;
    for (let when = 1, misses = 0; misses < MISSES_MAX; when += every) {
      const { isHit, acked, faults } = await runUnder(`${inject}:when=${when}`, isEncrypted);
      misses = isHit ? 0 : misses + 1;
      points += isHit ? 1 : 0;
      acknowledged += isHit ? acked : 0;
      failures += faults.length;
      for (const fault of faults) process.stdout.write(`${name}, point ${when}: ${fault}\n`);
    }
    process.stdout.write(`${name}${isEncrypted ? ', encrypted' : ''}: ${points} points\n`);
    // A kind that never took place proves nothing, and neither does one before which nothing was ever acknowledged.
    if (points === 0 || (every === 1 && acknowledged === 0)) failures += 1;
  }
}
process.stdout.write(`${failures} failures\n`);
process.exitCode = failures > 0 ? 1 : 0;
