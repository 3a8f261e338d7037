import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Journal } from '../../src/journal/journal.ts';
import type { SegmentJournalOptions } from '../../src/journal/segment-journal.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';
import { MemoryFileSystem } from '../../src/testing/memory-file-system.ts';
import { bodiesIn, DIRECTORY, hexOf, openOn, segmentsIn } from './rig.ts';

/** What must be true: acknowledged entries by seq, until they are checkpointed. */
interface Model {
  readonly acked: Map<number, { readonly key: string; readonly body: string }>;
  readonly seqs: Set<number>;
  next: number;
  checkpointed: number;
}

interface Real {
  readonly options: Partial<SegmentJournalOptions>;
  fs: MemoryFileSystem;
  journal: Journal;
}

type Command = fc.AsyncCommand<Model, Real>;

function entryOf(number: number, size: number) {
  return sampleEntry(number, { body: Uint8Array.from({ length: size }, (_, i) => (i * 31 + number) & 0xff) });
}

/** J1, J2: everything acknowledged and not checkpointed is there; nothing that is there is wrong. */
async function check(model: Model, real: Real): Promise<void> {
  const found = await real.journal.read(-1, Number.POSITIVE_INFINITY);
  const seqs = found.map((entry) => entry.seq);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  const bySeq = new Map(found.map((entry) => [entry.seq, entry]));
  for (const [seq, { key, body }] of model.acked) {
    const entry = bySeq.get(seq);
    expect(entry && { key: entry.key, body: hexOf(entry) }).toEqual({ key, body });
  }
  for (const entry of found)
    expect(hexOf(entry)).toBe(hexOf(entryOf(Number.parseInt(entry.key, 16), entry.body.length)));
  expect(real.journal.checkpointed).toBe(model.checkpointed);
  expect(real.journal.depth.entries).toBe(found.length);
  expect(real.journal.depth.bytes).toBe(found.reduce((sum, entry) => sum + entry.body.length, 0));
}

function acknowledge(model: Model, seq: number, key: string, body: string): void {
  const known = model.acked.get(seq);
  if (known) expect(known.key).toBe(key);
  else expect(model.seqs.has(seq)).toBe(false);
  model.acked.set(seq, { key, body });
  model.seqs.add(seq);
}

async function append(model: Model, real: Real, count: number, size: number): Promise<void> {
  const entries = Array.from({ length: count }, (_, i) => entryOf(model.next + i, size));
  model.next += count;
  const results = await Promise.allSettled(entries.map((entry) => real.journal.append(entry)));
  for (const [i, result] of results.entries()) {
    const entry = entries[i];
    if (entry && result.status === 'fulfilled') acknowledge(model, result.value, entry.key, hexOf(entry));
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'StorageError' });
  }
}

async function crash(model: Model, real: Real, seed: number, inFlight: number): Promise<void> {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const writing = append(model, real, inFlight, 30);
  for (let turn = Math.floor(random() * 40); turn > 0; turn -= 1) await Promise.resolve();
  if (random() < 0.7) await new Promise((resolve) => setImmediate(resolve));
  const after = real.fs.crash(random);
  await writing;
  real.fs = after;
  real.journal = (await openOn(after, real.options)).journal;
}

/** Decay of one byte: exactly the entries that it hits may be lost, and must be counted. */
async function decay(model: Model, real: Real, at: number, mask: number): Promise<void> {
  const names = await segmentsIn(real.fs);
  const name = names[at % Math.max(1, names.length)];
  if (name === undefined) return;
  await real.journal.close();
  const size = (await real.fs.stat(`${DIRECTORY}/${name}`))?.size ?? 0;
  if (size > 0) real.fs.corrupt(`${DIRECTORY}/${name}`, at % size, mask);
  const { journal } = await openOn(real.fs, real.options);
  real.journal = journal;
  const left = await bodiesIn(journal);
  const lost = [...model.acked].filter(([, { key }]) => !left.has(key));
  expect(lost.length).toBeLessThanOrEqual(1);
  if (lost.length > 0) expect(journal.damage.length).toBeGreaterThan(0);
  for (const [seq] of lost) model.acked.delete(seq);
}

function command(name: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return {
    check: () => true,
    run: async (model, real) => {
      await run(model, real);
      await check(model, real);
    },
    toString: () => name,
  };
}

const commands = [
  fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 300 }))
    .map(([count, size]) =>
      command(`append ${count} x ${size}`, (model, real) => append(model, real, count, size)),
    ),
  fc
    .tuple(fc.nat(), fc.integer({ min: 0, max: 5 }))
    .map(([seed, inFlight]) =>
      command(`crash ${seed} ${inFlight}`, (model, real) => crash(model, real, seed, inFlight)),
    ),
  fc.double({ min: 0, max: 1, noNaN: true }).map((part) =>
    command(`checkpoint ${part}`, async (model, real) => {
      const seqs = [...model.acked.keys()].sort((a, b) => a - b);
      const seq = seqs[Math.floor(part * (seqs.length - 1))];
      if (seq === undefined) return;
      await real.journal.checkpoint(seq);
      model.checkpointed = seq;
      for (const one of seqs) if (one <= seq) model.acked.delete(one);
    }),
  ),
  fc
    .tuple(
      fc.constantFrom('append' as const, 'datasync' as const, 'open' as const, 'syncDirectory' as const),
      fc.constantFrom('ENOSPC', 'EIO'),
    )
    .map(([operation, code]) =>
      command(`fail ${operation} ${code}`, async (model, real) => {
        real.fs.failNext(operation, code);
        await append(model, real, 3, 50);
        real.fs.clearFailures();
      }),
    ),
  fc
    .tuple(fc.nat({ max: 100_000 }), fc.integer({ min: 1, max: 255 }))
    .map(([at, mask]) => command(`decay ${at} ${mask}`, (model, real) => decay(model, real, at, mask))),
  fc.constant(
    command('reopen', async (_, real) => {
      await real.journal.close();
      real.journal = (await openOn(real.fs, real.options)).journal;
    }),
  ),
];

describe('journal model', () => {
  const kinds: Readonly<Record<string, Partial<SegmentJournalOptions>>> = {
    'reading everything at open': {},
    'trusting the indexes of segments': { verifyBytes: 0 },
  };
  for (const [kind, options] of Object.entries(kinds)) {
    it(`keeps every acknowledged entry byte for byte through appends, crashes, checkpoints, faults and decay, ${kind}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.commands(commands, { maxCommands: 25 }), async (plan) => {
          const fs = new MemoryFileSystem();
          const { journal } = await openOn(fs, options);
          await fc.asyncModelRun(
            () => ({
              model: { acked: new Map(), seqs: new Set<number>(), next: 1, checkpointed: -1 },
              real: { fs, journal, options },
            }),
            plan,
          );
        }),
        { numRuns: 400 },
      );
    });
  }
});
