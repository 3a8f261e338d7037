/**
 * A process that appends for ever and prints the number of every acknowledged entry, to be killed by a test.
 * Arguments: directory, number of the first entry, how many appends wait at a time.
 */
import { writeSync } from 'node:fs';
import { openSegmentJournal } from '../../src/journal/segment-journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';

const [directory = '', first = '0', parallel = '1'] = process.argv.slice(2);

/** Bodies of changing size, so that kills hit every part of an entry. */
export function entryOf(number: number) {
  return sampleEntry(number, { body: Buffer.alloc((number * 7919) % 5000, number & 0xff) });
}

async function run(): Promise<void> {
  const journal = await openSegmentJournal({
    directory,
    chain: 'c',
    fs: nodeFileSystem,
    clock: systemClock,
    emit: () => {},
    segmentBytes: 200_000,
  });
  writeSync(1, 'open\n');
  let next = Number(first);
  const appendForever = async (): Promise<void> => {
    for (;;) {
      const number = next;
      next += 1;
      await journal.append(entryOf(number));
      writeSync(1, `${number}\n`);
    }
  };
  await Promise.all(Array.from({ length: Number(parallel) }, appendForever));
}

if (process.argv[1]?.endsWith('writer.ts')) {
  await run().catch((error: unknown) => {
    writeSync(1, `error ${(error as { code?: string }).code} ${String(error)}\n`);
    process.exitCode = 1;
  });
}
