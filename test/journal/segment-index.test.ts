import { describe, expect, it } from 'vitest';
import { IDENTITY_WORDS, identityText, writeIdentity } from '../../src/journal/identity.ts';
import type { PlaceTable } from '../../src/journal/place-table.ts';
import { segmentName } from '../../src/journal/segment-file.ts';
import { type Segment, SegmentIndex } from '../../src/journal/segment-index.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';

/** Numbers that the identity table has room for. */
const NUMBERS = 65_535;

function identityAt(seq: number): Uint32Array {
  const words = new Uint32Array(IDENTITY_WORDS);
  writeIdentity(identityText(sampleEntry(seq)), words);
  return words;
}

/** An index of segments that hold one entry each, or none. */
class Rig {
  readonly tables = new Map<Segment, PlaceTable>();
  readonly index = new SegmentIndex(-1, async (segment) => {
    const places = this.tables.get(segment);
    if (places === undefined) throw new Error(`${segment.name} holds nothing`);
    return places;
  });

  openEmpty(seq: number): void {
    this.index.release(this.index.open(segmentName(seq), seq));
  }

  openWithEntry(seq: number): Segment {
    const segment = this.index.open(segmentName(seq), seq);
    const { rowCount, receivedAtMs, priority } = sampleEntry(seq);
    const place = { seq, offset: 24, bytes: 100, bodyBytes: 10, rowCount, receivedAtMs, priority };
    this.index.add(segment, place, identityAt(seq));
    if (segment.places !== undefined) {
      // It is not handed on to the next segment.
      segment.places.isShared = true;
      this.tables.set(segment, segment.places);
    }
    this.index.release(segment);
    return segment;
  }
}

describe('more segments than the identity table has numbers for', () => {
  it('share them, and every duplicate is found', async () => {
    const rig = new Rig();
    rig.openWithEntry(0);
    for (let seq = 1; seq < NUMBERS; seq += 1) rig.openEmpty(seq);
    const sharing = rig.openWithEntry(NUMBERS);
    expect(await rig.index.find(identityAt(0))).toBe(0);
    expect(await rig.index.find(identityAt(NUMBERS))).toBe(NUMBERS);
    rig.openEmpty(NUMBERS + 1);
    const gone = await rig.index.dropThrough(0);
    expect([gone.length, rig.index.has(sharing)]).toEqual([NUMBERS, true]);
    expect(await rig.index.find(identityAt(0))).toBeUndefined();
    expect(await rig.index.find(identityAt(NUMBERS)), 'the other one of its number is gone').toBe(NUMBERS);
    await rig.index.dropThrough(NUMBERS);
    expect([rig.index.has(sharing), rig.index.find(identityAt(NUMBERS))]).toEqual([false, undefined]);
  });
});
