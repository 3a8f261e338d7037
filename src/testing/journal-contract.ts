/** What every Journal must do; runs under any test runner. */
import assert from 'node:assert/strict';
import { sha256 } from '../core/keys.ts';
import type { Journal, JournalDepth, PriorityDepth, RawEntry } from '../journal/journal.ts';
import type { ContractCase } from './store-contract.ts';

/** One directory with a journal in it, that can be closed and opened again. */
export interface JournalHost {
  open(): Promise<Journal>;
  /** Removes what the host made. */
  dispose(): Promise<void>;
}

/** An entry for tests: `body` and `key` by number, everything else with a value that is easy to lose. */
export function sampleEntry(number: number, changes: Partial<RawEntry> = {}): RawEntry {
  const body = changes.body ?? new TextEncoder().encode(`{"n":${number}}\n`);
  return {
    purpose: 'replay',
    key: number.toString(16).padStart(32, '0'),
    orderingKey: `series-${number % 3}`,
    priority: 'normal',
    format: 'ndjson',
    attributes: { source: 'test', empty: '', ['__proto__']: 'a column like any other' },
    receivedAtMs: 1_700_000_000_000 + number,
    reason: 'unavailable',
    trail: '[]',
    rowCount: 1,
    rows: undefined,
    sha256: sha256(body),
    ...changes,
    body,
  };
}

const NONE: PriorityDepth = { entries: 0, rows: 0, bytes: 0, oldestMs: undefined };
const EMPTY: JournalDepth = { ...NONE, byPriority: { critical: NONE, normal: NONE, low: NONE } };

type Check = (host: JournalHost) => Promise<void>;

async function using(host: JournalHost, work: (journal: Journal) => Promise<void>): Promise<void> {
  const journal = await host.open();
  try {
    await work(journal);
  } finally {
    await journal.close();
  }
}

const CHECKS: Readonly<Record<string, Check>> = {
  'starts empty, with no checkpoint': (host) =>
    using(host, async (journal) => {
      assert.equal(journal.checkpointed, -1);
      assert.deepEqual(journal.depth, EMPTY);
      assert.deepEqual(await journal.read(-1, 1000), []);
      assert.deepEqual(journal.damage, []);
    }),
  'gives entries back in append order, byte for byte': (host) =>
    using(host, async (journal) => {
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      const entries = [
        sampleEntry(1),
        sampleEntry(2, { body: bytes, rows: [0, 7, 9], orderingKey: undefined }),
        sampleEntry(3, { body: new Uint8Array(0), attributes: {}, purpose: 'heal' }),
      ];
      const seqs: number[] = [];
      for (const entry of entries) seqs.push(await journal.append(entry));
      const read = await journal.read(-1, 10_000);
      assert.deepEqual(
        read.map((entry) => ({ ...entry, body: Uint8Array.from(entry.body) })),
        entries.map((entry, i) => ({ ...entry, seq: seqs[i] })),
      );
    }),
  'keeps everything across close and open': (host) => keepsAcrossOpen(host),
  'stores an entry once that is appended twice, also while the first is being written': (host) =>
    using(host, async (journal) => {
      const [first, second] = await Promise.all([
        journal.append(sampleEntry(1)),
        journal.append(sampleEntry(1)),
      ]);
      assert.equal(first, second);
      assert.equal(await journal.append(sampleEntry(1)), first);
      assert.notEqual(await journal.append(sampleEntry(1, { purpose: 'heal' })), first);
      assert.notEqual(await journal.append(sampleEntry(1, { rows: [0] })), first);
      assert.equal(journal.depth.entries, 3);
    }),
  'reads at least one entry and no more than the bytes asked for': (host) =>
    using(host, async (journal) => {
      const body = new Uint8Array(100);
      for (let n = 0; n < 5; n += 1) await journal.append(sampleEntry(n, { body }));
      assert.equal((await journal.read(-1, 1)).length, 1);
      assert.equal((await journal.read(-1, 250)).length, 2);
      const [first] = await journal.read(-1, 1);
      assert.equal((await journal.read(first?.seq ?? 0, 10_000)).length, 4);
    }),
  'drops exactly what was checkpointed': (host) => dropsCheckpointed(host),
  'never uses a seq again, also after everything was checkpointed': (host) => neverReusesSeq(host),
  'counts depth in entries, rows, bytes and age, in all and by priority': (host) => countsDepth(host),
  'refuses to checkpoint what was never appended': (host) =>
    using(host, async (journal) => {
      await assert.rejects(journal.checkpoint(0), { name: 'StorageError' });
    }),
  'refuses entries after close, and closes twice without complaint': async (host) => {
    const journal = await host.open();
    await journal.close();
    await journal.close();
    await assert.rejects(journal.append(sampleEntry(1)), { name: 'StorageError' });
  },
};

async function keepsAcrossOpen(host: JournalHost): Promise<void> {
  await using(host, async (journal) => {
    await Promise.all(Array.from({ length: 50 }, (_, n) => journal.append(sampleEntry(n))));
  });
  await using(host, async (journal) => {
    const read = await journal.read(-1, 1_000_000);
    assert.deepEqual(
      read.map((entry) => entry.key),
      Array.from({ length: 50 }, (_, n) => sampleEntry(n).key),
    );
    assert.equal(await journal.append(sampleEntry(0)), read[0]?.seq);
    assert.deepEqual(journal.damage, []);
  });
}

async function countsDepth(host: JournalHost): Promise<void> {
  const low = { entries: 1, rows: 5, bytes: 5, oldestMs: 1_700_000_000_002 };
  const critical = { entries: 1, rows: 3, bytes: 9, oldestMs: 1_700_000_000_003 };
  await using(host, async (journal) => {
    const body = (length: number): Uint8Array => new Uint8Array(length);
    const first = await journal.append(sampleEntry(1, { rowCount: 10, body: body(7) }));
    await journal.append(sampleEntry(2, { rowCount: 5, body: body(5), priority: 'low' }));
    await journal.append(sampleEntry(3, { rowCount: 3, body: body(9), priority: 'critical' }));
    const normal = { entries: 1, rows: 10, bytes: 7, oldestMs: 1_700_000_000_001 };
    const all = { entries: 3, rows: 18, bytes: 21, oldestMs: 1_700_000_000_001 };
    assert.deepEqual(journal.depth, { ...all, byPriority: { critical, normal, low } });
    await journal.checkpoint(first);
  });
  await using(host, async (journal) => {
    const left = { entries: 2, rows: 8, bytes: 14, oldestMs: 1_700_000_000_002 };
    assert.deepEqual(journal.depth, { ...left, byPriority: { critical, normal: NONE, low } });
    const rest = await journal.read(-1, 1_000);
    await journal.checkpoint(rest.at(-1)?.seq ?? -1);
    assert.deepEqual(journal.depth, EMPTY);
  });
}

async function dropsCheckpointed(host: JournalHost): Promise<void> {
  let kept = -1;
  await using(host, async (journal) => {
    await journal.append(sampleEntry(1));
    const second = await journal.append(sampleEntry(2));
    kept = await journal.append(sampleEntry(3));
    await journal.checkpoint(second);
    assert.equal(journal.checkpointed, second);
    await journal.checkpoint(second - 1);
    assert.equal(journal.checkpointed, second);
  });
  await using(host, async (journal) => {
    assert.deepEqual(
      (await journal.read(-1, 1_000_000)).map((entry) => entry.seq),
      [kept],
    );
    assert.ok((await journal.append(sampleEntry(1))) > kept);
  });
}

async function neverReusesSeq(host: JournalHost): Promise<void> {
  let last = -1;
  for (let life = 0; life < 4; life += 1) {
    await using(host, async (journal) => {
      const seq = await journal.append(sampleEntry(life));
      assert.ok(seq > last);
      last = seq;
      await journal.checkpoint(seq);
    });
  }
}

/** @param make a fresh, empty host for every case */
export function journalContract(make: () => Promise<JournalHost>): ContractCase[] {
  return Object.entries(CHECKS).map(([name, check]) => ({
    name,
    run: async () => {
      const host = await make();
      await check(host).finally(() => host.dispose());
    },
  }));
}
