/**
 * A fixed life of a journal, to be run under a fault: appends one by one and in groups, checkpoints, ends. Prints
 * `ack <number>` once an entry is acknowledged, `nack <number> <code>` when it was refused, `checkpoint <seq>` and `end`.
 * Arguments: directory, `encrypted` or nothing.
 */
import { writeSync } from 'node:fs';
import { KeyRing } from '../../src/core/key-ring.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSegmentJournal, type SegmentJournalOptions } from '../../src/journal/segment-journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { entryOf } from './writer.ts';

/** The key that the scenario encrypts with. */
export function scenarioKeys(): KeyRing {
  return new KeyRing([{ id: 'scenario', key: Buffer.alloc(32, 'scenario') }]);
}

export function scenarioOptions(directory: string, isEncrypted: boolean): SegmentJournalOptions {
  return {
    directory,
    chain: 'c',
    fs: nodeFileSystem,
    clock: systemClock,
    emit: () => {},
    segmentBytes: 12_000,
    ...(isEncrypted ? { keys: scenarioKeys() } : {}),
  };
}

/** A fault may meet this write, too: it takes place once, so the second one tells. */
function say(line: string): void {
  try {
    writeSync(1, `${line}\n`);
  } catch {
    writeSync(1, `${line}\n`);
  }
}

async function append(journal: Journal, numbers: readonly number[]): Promise<void> {
  const appends = numbers.map(async (number) => {
    try {
      await journal.append(entryOf(number));
      say(`ack ${number}`);
    } catch (error) {
      say(`nack ${number} ${(error as { code?: string }).code}`);
    }
  });
  await Promise.all(appends);
}

async function checkpoint(journal: Journal): Promise<void> {
  const seq = (await journal.read(-1, 8_000)).at(-1)?.seq ?? -1;
  try {
    // Said before: once it is durable, entries below may be gone.
    say(`checkpoint ${seq}`);
    await journal.checkpoint(seq);
  } catch {
    // The entries stay, which is what the check allows.
  }
}

async function run(directory: string, isEncrypted: boolean): Promise<void> {
  const journal = await openSegmentJournal(scenarioOptions(directory, isEncrypted));
  say('open');
  for (let round = 0; round < 3; round += 1) {
    const first = round * 10;
    for (let n = 0; n < 4; n += 1) await append(journal, [first + n]);
    await append(
      journal,
      [4, 5, 6, 7, 8, 9].map((n) => first + n),
    );
    await checkpoint(journal);
  }
  await journal.close().catch(() => undefined);
  say('end');
}

if (process.argv[1]?.endsWith('fault-scenario.ts')) {
  const [directory = '', mode] = process.argv.slice(2);
  await run(directory, mode === 'encrypted').catch((error: unknown) => {
    say(`error ${(error as { code?: string }).code}`);
  });
}
