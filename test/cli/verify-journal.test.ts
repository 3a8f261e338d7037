import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createFallback } from '../../src/assembly/fallback.ts';
import { SinkError } from '../../src/core/errors.ts';
import { openSegmentJournal } from '../../src/journal/segment-journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { functionSink } from '../../src/sinks/function-sink.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { type Workplace, workplace } from './workplace.ts';

const SEGMENT = '.tierfall/journal/0000000000000000.seg';

function openJournal(place: Workplace): ReturnType<typeof openSegmentJournal> {
  return openSegmentJournal({
    directory: `${place.path}/.tierfall/journal`,
    chain: 'default',
    fs: nodeFileSystem,
    clock: systemClock,
    emit: () => {},
  });
}

/** A directory whose writer left three entries in its journal. */
async function leftovers(): Promise<Workplace> {
  const place = workplace();
  const journal = await openJournal(place);
  for (const seed of [1, 2, 3]) await journal.append(sampleEntry(seed));
  await journal.close();
  return place;
}

/** Turns one bit in the middle of the segment. @returns its place */
function flipBit(place: Workplace): void {
  const file = `${place.path}/${SEGMENT}`;
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

describe('tierfall verify of a journal', () => {
  it('finds entries at rest sound', async () => {
    const { code, out } = await (await leftovers()).tierfall(['verify']);
    expect(code, out).toBe(0);
  });

  it('exits 1 and names segment, offset and copy of a damaged span, each time it is asked', async () => {
    const place = await leftovers();
    flipBit(place);
    for (const _ of [1, 2]) {
      const { code, out } = await place.tierfall(['verify']);
      expect(code, out).toBe(1);
      expect(out).toContain('journal/0000000000000000.seg');
      expect(out).toMatch(
        /\d+ bytes at offset \d+ cannot be read; kept as journal\/damaged\/0000000000000000-\d+\.bin/,
      );
      expect(out).not.toContain('every byte is as it was stored');
    }
  });

  it('still names the span when its segment is packed and gone, until somebody moved the copy away', async () => {
    const place = await leftovers();
    flipBit(place);
    const journal = await openJournal(place);
    await journal.checkpoint(2);
    await journal.close();
    rmSync(`${place.path}/${SEGMENT}`, { force: true });
    const { code, out } = await place.tierfall(['verify']);
    expect(code, out).toBe(1);
    expect(out).toMatch(/journal\/damaged\/0000000000000000-\d+\.bin/);
    rmSync(`${place.path}/.tierfall/journal/damaged`, { recursive: true });
    expect((await place.tierfall(['verify'])).code).toBe(0);
  });

  it('names it also while a writer lives', async () => {
    const place = await leftovers();
    flipBit(place);
    const down = (): Promise<never> => Promise.reject(new SinkError('unavailable', 'down'));
    const writer = await createFallback({
      dir: `${place.path}/.tierfall`,
      sink: functionSink(down, { name: 's' }),
      worker: false,
    });
    const { code, out } = await place.tierfall(['verify']);
    await writer.close();
    expect(out).toContain('in use by a writer');
    expect(out).toMatch(/journal\/damaged\/0000000000000000-\d+\.bin/);
    expect(code).toBe(1);
  });
});
