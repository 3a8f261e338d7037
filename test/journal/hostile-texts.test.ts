import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../src/core/key-ring.ts';
import { headerBytesMax, writeDetails } from '../../src/journal/entry-header.ts';
import type { RawEntry } from '../../src/journal/journal.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { hexOf, openOn } from './rig.ts';

/** From one byte of UTF-8 to seven of JSON in JSON; `\ud800` alone makes all texts of its entry JSON. */
const UNITS = ['a', '"', '\\', '\n', '\u0001', '\u007f', 'é', '€', '😀', '\ud800', '\udc00'];
/** The staging memory of the writer is 256 KiB: what is larger has memory of just the size that was asked for. */
const REPEATS = [0, 1, 7, 700, 9_000, 45_000];

const text = fc
  .array(fc.tuple(fc.constantFrom(...UNITS), fc.constantFrom(...REPEATS)), { maxLength: 3 })
  .map((parts) => parts.map(([unit, times]) => unit.repeat(times)).join(''));

const texts = fc.record({
  orderingKey: fc.option(text, { nil: undefined }),
  reason: text,
  trail: text,
  attributes: fc.dictionary(text, text, { maxKeys: 2 }).map((found) => ({ ...found })),
});

/** A body that is not copied beside its header, so that a header too long finds the end of the memory. */
const body = Buffer.alloc(9_000, 'b');
const WORST: Partial<RawEntry> = {
  orderingKey: '\ud800',
  reason: '',
  trail: '',
  attributes: { a: '\u0001'.repeat(45_000) },
};

function shownOf({ orderingKey, reason, trail, attributes }: Partial<RawEntry>) {
  return { orderingKey, reason, trail, attributes };
}

async function comesBack(changes: Partial<RawEntry>, keys: KeyRing | undefined): Promise<void> {
  const fs = new MemoryFileSystem();
  const options = { segmentBytes: 1e9, ...(keys && { keys }) };
  const { journal } = await openOn(fs, options);
  const entries = [sampleEntry(1), sampleEntry(2, { ...changes, body }), sampleEntry(3)];
  for (const entry of entries) await journal.append(entry);
  for (const opened of [journal, (await openOn(fs, options)).journal]) {
    const read = await opened.read(-1, 1e9);
    expect(read.map(hexOf)).toEqual(entries.map(hexOf));
    // Not toEqual alone: of texts this long it would print every character.
    const shown = JSON.stringify(read.map(shownOf)) === JSON.stringify(entries.map(shownOf));
    expect([shown, opened.damage]).toEqual([true, []]);
  }
}

describe('an acknowledged entry', () => {
  const rings = { 'in the clear': undefined, encrypted: new KeyRing([{ id: 'k', key: randomBytes(32) }]) };
  for (const [how, keys] of Object.entries(rings)) {
    it(`comes back whatever its texts are and however long, with what is behind it, ${how}`, async () => {
      await comesBack(WORST, keys);
      await fc.assert(
        fc.asyncProperty(texts, (changes) => comesBack(changes, keys)),
        { numRuns: 40 },
      );
    });
  }
});

describe('details of an entry', () => {
  const view = new DataView(new ArrayBuffer(64));
  const sizeOf = (entry: RawEntry): number =>
    writeDetails(Buffer.alloc(headerBytesMax(entry)), 0, view, 0, entry);

  it('are refused where there is no room for all of them, and never cut off', () => {
    for (const changes of [
      { orderingKey: 'ä', reason: 'größer', trail: '[]' },
      { orderingKey: 'plain', reason: 'unavailable', trail: '["words"]' },
      { orderingKey: '\ud800', reason: '', trail: '', attributes: { a: '\u0001"' } },
      { orderingKey: '', reason: '', trail: '', attributes: { é: '€€' } },
    ]) {
      const entry = sampleEntry(1, changes);
      const size = sizeOf(entry);
      for (let bytes = 0; bytes < size; bytes += 1) {
        expect(() => writeDetails(Buffer.alloc(bytes), 0, view, 0, entry), `${bytes} of ${size}`).toThrow();
      }
      expect(writeDetails(Buffer.alloc(size), 0, view, 0, entry)).toBe(size);
    }
  });

  it('never take more than is set aside for them, whichever character they are full of', () => {
    for (const unit of UNITS) {
      const attributes = { [unit.repeat(2_000)]: unit.repeat(9_000) };
      const entry = sampleEntry(1, { orderingKey: '\ud800', reason: unit, trail: unit.repeat(50), attributes });
      expect(() => sizeOf(entry), JSON.stringify(unit)).not.toThrow();
    }
  });
});
