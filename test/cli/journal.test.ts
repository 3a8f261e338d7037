import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../src/core/key-ring.ts';
import { openSegmentJournal, type SegmentJournalOptions } from '../../src/journal/segment-journal.ts';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { type Workplace, workplace } from './workplace.ts';

const SEGMENT = '.tierfall/journal/0000000000000000.seg';
const BINARY = Uint8Array.of(0xff, 0xfe, 0x01);

function openJournal(place: Workplace, changes: Partial<SegmentJournalOptions> = {}) {
  const directory = `${place.path}/.tierfall/journal`;
  const emit = (): void => {};
  return openSegmentJournal({
    directory,
    chain: 'default',
    fs: nodeFileSystem,
    clock: systemClock,
    emit,
    ...changes,
  });
}

/** Ten entries, three of which the store owns. */
async function filled(changes: Partial<SegmentJournalOptions> = {}): Promise<Workplace> {
  const place = workplace();
  const journal = await openJournal(place, changes);
  for (let n = 0; n < 10; n += 1) {
    const body = n === 4 ? { body: BINARY } : {};
    await journal.append(sampleEntry(n, { priority: n % 2 === 0 ? 'critical' : 'low', rowCount: 2, ...body }));
  }
  await journal.checkpoint(2);
  await journal.close();
  return place;
}

function flipBit(place: Workplace, at: number): void {
  const file = `${place.path}/${SEGMENT}`;
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** Where each entry of the segment starts: magic, and its length after the checksum at 4. */
function offsetsIn(place: Workplace): number[] {
  const bytes = readFileSync(`${place.path}/${SEGMENT}`);
  const offsets: number[] = [];
  for (let at = 24; at < bytes.length; at += 12 + bytes.readUInt32LE(at + 4)) offsets.push(at);
  return offsets;
}

/** Changes the last byte of an entry as somebody would who makes its checksum fit again. */
function changeSealed(place: Workplace, offset: number): void {
  const file = `${place.path}/${SEGMENT}`;
  const bytes = readFileSync(file);
  const end = offset + 12 + bytes.readUInt32LE(offset + 4);
  bytes[end - 1] = (bytes[end - 1] ?? 0) ^ 1;
  bytes.writeUInt32LE(crc32(bytes.subarray(offset + 12, end)), offset + 8);
  writeFileSync(file, bytes);
}

function linesOf(out: string): Record<string, unknown>[] {
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('tierfall journal inspect', () => {
  it('shows segments, checkpoint and what waits by priority, and changes nothing', async () => {
    const place = await filled();
    const before = place.below('.tierfall/journal');
    const { code, out } = await place.tierfall(['journal', 'inspect']);
    expect(code, out).toBe(0);
    expect(out).toMatch(/at rest +2 +1 /);
    expect(out).toMatch(/critical +3 +6 /);
    expect(out).toMatch(/low +4 +8 /);
    expect(out).toMatch(/0{16}\.seg +2 +[\d,]+ +0 +9 +10 +7 +fits/);
    expect(place.below('.tierfall/journal')).toEqual(before);
  });

  it('makes and changes no file of the lock, and takes it from nobody', async () => {
    const place = await filled();
    const owner = `${place.path}/.tierfall/journal/lock.owner`;
    writeFileSync(owner, '4711\n');
    for (const action of ['inspect', 'verify', 'export']) {
      expect(await place.tierfall(['journal', action]), action).toMatchObject({ code: 0 });
    }
    expect(readFileSync(owner, 'utf8')).toBe('4711\n');
    for (const name of ['lock.owner', 'lock.db']) rmSync(`${place.path}/.tierfall/journal/${name}`);
    const { code, out } = await place.tierfall(['journal', 'inspect']);
    expect([code, out.includes('at rest')]).toEqual([0, true]);
    expect(place.below('.tierfall/journal').filter((name) => name.startsWith('lock'))).toEqual([]);
    const journal = await openJournal(place);
    await place.tierfall(['journal', 'inspect']);
    await expect(openJournal(place), 'the writer still has it').rejects.toMatchObject({
      code: 'DIRECTORY_LOCKED',
    });
    await journal.close();
  });

  it('runs beside a writer, and names it', async () => {
    const place = await filled();
    const journal = await openJournal(place);
    const { code, out } = await place.tierfall(['journal', 'inspect']);
    await journal.append(sampleEntry(99));
    await journal.close();
    expect(code, out).toBe(0);
    expect(out).toContain('in use by a writer');
    expect(out).toContain(`pid ${process.pid}`);
  });
});

describe('tierfall journal verify', () => {
  it('exits 0 when every byte is as it was written, 1 with the place when one is not', async () => {
    const place = await filled();
    expect(await place.tierfall(['journal', 'verify'])).toMatchObject({ code: 0 });
    flipBit(place, 100);
    for (const _ of [1, 2]) {
      const { code, out } = await place.tierfall(['journal', 'verify']);
      expect(code, out).toBe(1);
      expect(out).toMatch(/journal\/0{16}\.seg +\d+ bytes at offset 24 /);
      expect(out).toContain('9 entries');
    }
    expect(place.below('.tierfall/journal/damaged')).toEqual([]);
  });

  it('says that there is no journal, with exit code 2', async () => {
    const place = workplace();
    place.file('.tierfall/x', '');
    expect(await place.tierfall(['journal', 'verify'])).toMatchObject({ code: 2 });
  });
});

describe('tierfall journal export', () => {
  it('prints what waits, oldest first, as JSON lines with every field', async () => {
    const place = await filled();
    const { code, out } = await place.tierfall(['journal', 'export']);
    const lines = linesOf(out);
    expect(code).toBe(0);
    expect(lines.map(({ seq }) => seq)).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(lines[0]).toMatchObject({ key: sampleEntry(3).key, orderingKey: 'series-0', body: '{"n":3}\n' });
    expect(Buffer.from(String(lines[1]?.['bodyBase64']), 'base64')).toEqual(Buffer.from(BINARY));
  });

  it('starts after a seq and ends at a limit', async () => {
    const place = await filled();
    const { code, out } = await place.tierfall(['journal', 'export', '--after', '0', '--limit', '2']);
    expect([code, linesOf(out).map(({ seq }) => seq)]).toEqual([0, [1, 2]]);
  });

  it('names what it could not read and exits 1, and not for what the store owns or what was not asked for', async () => {
    const place = await filled();
    const offsets = offsetsIn(place);
    flipBit(place, (offsets[5] ?? 0) + 60);
    flipBit(place, (offsets[9] ?? 0) + 60);
    const { code, out, err } = await place.tierfall(['journal', 'export']);
    expect([code, linesOf(out).map(({ seq }) => seq)]).toEqual([1, [3, 4, 6, 7, 8]]);
    for (const [seq, what] of [
      [5, 'are no entry'],
      [9, 'are an entry that was not written to its end, or decayed'],
    ] as const) {
      expect(err).toMatch(
        new RegExp(`NOT exported: journal/0{16}\\.seg: \\d+ bytes at offset ${offsets[seq]} ${what}\n`),
      );
    }
    expect(err).toContain('5 entries were exported; 2 entries or spans could NOT be');
    expect(await place.tierfall(['journal', 'export', '--limit', '2'])).toMatchObject({ code: 0, err: '' });
    const owned = await filled();
    flipBit(owned, (offsets[2] ?? 0) + 60);
    expect(await owned.tierfall(['journal', 'export'])).toMatchObject({ code: 0, err: '' });
    expect(await owned.tierfall(['journal', 'export', '--after', '1'])).toMatchObject({ code: 1 });
  });

  it('names an encrypted entry whose tag does not fit', async () => {
    const key = randomBytes(32);
    const place = await filled({ keys: new KeyRing([{ id: 'a', key }]) });
    place.file('keys.json', JSON.stringify({ a: key.toString('hex') }));
    changeSealed(place, offsetsIn(place)[4] ?? 0);
    const { code, out, err } = await place.tierfall(['journal', 'export', '--keys', 'keys.json']);
    expect([code, linesOf(out).map(({ seq }) => seq)]).toEqual([1, [3, 5, 6, 7, 8, 9]]);
    expect(err).toContain('NOT exported: entry 4 does not fit its tag');
    expect(err).toContain('6 entries were exported; 1 entry or span could NOT be');
  });

  it('does not take what a living writer is writing for a loss', async () => {
    const place = await filled();
    const journal = await openJournal(place);
    await journal.append(sampleEntry(99));
    const newest = place.below('.tierfall/journal').find((name) => /^0+1\d\.seg$/.test(name));
    appendFileSync(`${place.path}/.tierfall/journal/${newest}`, 'half an entry');
    expect(await place.tierfall(['journal', 'export'])).toMatchObject({ code: 0, err: '' });
    await journal.close();
    expect(await place.tierfall(['journal', 'export'])).toMatchObject({ code: 1 });
  });

  it('opens encrypted entries with their keys, and says which key is missing without one', async () => {
    const key = randomBytes(32);
    const place = await filled({ keys: new KeyRing([{ id: '2026', key }]) });
    place.file('keys.json', JSON.stringify({ 2026: key.toString('hex') }));
    expect((await place.tierfall(['journal', 'inspect'])).out).toContain('2026');
    const opened = await place.tierfall(['journal', 'export', '--keys', 'keys.json']);
    expect(linesOf(opened.out).length).toBe(7);
    expect(await place.tierfall(['journal', 'verify', '--keys', 'keys.json'])).toMatchObject({ code: 0 });
    const closed = await place.tierfall(['journal', 'export']);
    expect(closed).toMatchObject({ code: 1, out: '' });
    expect(closed.err).toMatch(/"2026"[\s\S]*ENCRYPTION_KEY_MISSING/);
  });

  it('never prints what a broken file of keys holds', async () => {
    const place = await filled();
    for (const content of ['{"a":"deadbeef"}', 'deadbeef', '["deadbeef"]']) {
      place.file('keys.json', content);
      const { code, err } = await place.tierfall(['journal', 'export', '--keys', 'keys.json']);
      expect([code, err.includes('deadbeef')]).toEqual([2, false]);
    }
  });
});

describe('tierfall journal repair', () => {
  it('sets damaged spans aside and makes a lost index again', async () => {
    const place = await filled();
    const lost = await filled();
    flipBit(place, 100);
    const { code, out } = await place.tierfall(['journal', 'repair']);
    expect(code, out).toBe(0);
    expect(out).toMatch(/damaged\/0{16}-24\.bin/);
    expect(place.below('.tierfall/journal/damaged')).toEqual(['0000000000000000-24.bin']);
    rmSync(`${lost.path}/${SEGMENT.replace('.seg', '.idx')}`);
    expect((await lost.tierfall(['journal', 'inspect'])).out).toContain('none that fits');
    await lost.tierfall(['journal', 'repair']);
    expect((await lost.tierfall(['journal', 'inspect'])).out).not.toContain('none that fits');
  });

  it('looks at what it has made, and exits 1 when that is not whole', async () => {
    const place = await filled();
    const index = `${place.path}/${SEGMENT.replace('.seg', '.idx')}`;
    rmSync(index);
    mkdirSync(index);
    const { code, out } = await place.tierfall(['journal', 'repair']);
    expect(out).toContain('7 entries wait and can be read; 0 damaged spans are set aside; 1 indexes could NOT');
    expect(code).toBe(1);
  });

  it('exits 1 when a damaged span could not be set aside', async () => {
    const place = await filled();
    flipBit(place, 100);
    place.file('.tierfall/journal/damaged', 'no directory');
    const { code, out } = await place.tierfall(['journal', 'repair']);
    expect(out).toContain('0 damaged spans are set aside, 1 could NOT be');
    expect(code).toBe(1);
  });

  it('refuses beside a writer, and names it', async () => {
    const place = await filled();
    const journal = await openJournal(place);
    const { code, err } = await place.tierfall(['journal', 'repair']);
    await journal.close();
    expect(code).toBe(1);
    expect(err).toMatch(/DIRECTORY_LOCKED/);
  });

  it('is one of four actions', async () => {
    const place = await filled();
    expect((await place.tierfall(['journal', 'compact'])).err).toContain('inspect, verify, export, repair');
  });
});
