/**
 * What every sink must do, as a list that any test runner can run:
 *
 * ```ts
 * for (const c of sinkContract(make)) it(c.name, c.run);
 * ```
 *
 * Tests invariants S1 to S5 of the port. A sink that is not `idempotent` is spared what needs keys.
 */
import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Column } from '../core/columns.ts';
import { SinkError } from '../core/errors.ts';
import type { Residue } from '../core/outcome.ts';
import { countRows, findRowFault, rowIndices } from '../core/row-set.ts';
import type { Sink, WriteRequest } from '../sinks/sink.ts';
import { awkward, fuller, keysOf, numbered, titled, upgradeOf } from './contract/requests.ts';
import type { WriteRequestParts } from './write-request.ts';

/** One empty sink and a way to look behind it. */
export interface SinkHarness {
  readonly sink: Sink;
  /** What the target holds now, by record key, read past the sink. */
  rows(): Promise<ReadonlyMap<string, unknown>>;
  /** A cell of such a row as it was given; without it, values are not compared. */
  cell?(row: unknown, column: Column): unknown;
  close(): Promise<void>;
}

export interface SinkContractOptions {
  /**
   * A value of the column `amount` (a bigint) that the target refuses for its row alone; adds the cases about
   * partial failure. @default none: the target takes everything
   */
  readonly poison?: bigint;
  /**
   * Whether a key that is written again with other values holds those afterwards, as in databases that know a record by its
   * place in time. The same record written again still has to change nothing. @default false
   */
  readonly overwrites?: boolean;
}

export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}

/** The cases; each makes its own harness and closes it. Needs nothing but `node:assert`. */
export function sinkContract(
  make: () => Promise<SinkHarness>,
  options: SinkContractOptions = {},
): ContractCase[] {
  const { poison, overwrites = false } = options;
  const cases = [rewriteCase(overwrites), ...CASES, ...(poison === undefined ? [] : poisonCases(poison))];
  return cases.map(({ name, check }) => ({
    name,
    run: async () => {
      const harness = await make();
      try {
        await check(harness);
      } finally {
        await harness.close();
      }
    },
  }));
}

interface Case {
  readonly name: string;
  check(harness: SinkHarness): Promise<void>;
}

const ROWS_MANY = 10_000;

/** What healing relies on (S5), for sinks that can. */
const UPGRADE_CASES: readonly Case[] = [
  {
    name: 'upgrades rows that are still as they were degraded, and says the same when asked again',
    check: async (harness) => {
      const { sink } = harness;
      if (!sink.upgrade || sink.accepts === 'bytes') return;
      await sink.write(numbered(3));
      const full = fuller(3);
      for (let time = 1; time <= 2; time += 1) {
        assert.deepEqual(await sink.upgrade(upgradeOf(numbered(3), full)), NOTHING_LEFT);
        await assertHeld(harness, full);
      }
    },
  },
  {
    name: 'leaves a row alone whose key holds another version, and inserts none that is not held',
    check: async (harness) => {
      const { sink } = harness;
      if (!sink.upgrade || sink.accepts === 'bytes') return;
      const others = numbered(2, { cells: titled(2, 'newer') });
      await sink.write(others);
      await sink.write(numbered(3));
      const full = fuller(4);
      const result = await sink.upgrade(upgradeOf(numbered(4), full));
      assert.deepEqual(result, { residue: [], superseded: [0, 1], absent: [3] });
      assert.deepEqual(await heldKeys(harness), ['k-0', 'k-1', 'k-2']);
      await assertCells(harness, others, [0, 1]);
      await assertCells(harness, full, [2]);
    },
  },
  {
    name: 'takes a value in a column that the degraded version did not have for another version',
    check: async (harness) => {
      const { sink } = harness;
      if (!sink.upgrade || sink.accepts === 'bytes') return;
      const other = fuller(1, 'from elsewhere');
      await sink.write(other);
      const result = await sink.upgrade(upgradeOf(numbered(1), fuller(1)));
      assert.deepEqual(result, { residue: [], superseded: [0], absent: [] });
      await assertCells(harness, other, [0]);
    },
  },
];

const CASES: readonly Case[] = [
  {
    name: 'resolves only when every row can be read back, with its values',
    check: async (harness) => {
      const request = numbered(5);
      assert.equal(residueCount(await harness.sink.write(request)), 0);
      await assertHeld(harness, request);
    },
  },
  {
    name: 'replaces exactly the rows of an upgrade, and inserts those it does not hold',
    check: async (harness) => {
      if (!harness.sink.idempotent) return;
      const before = numbered(4);
      await harness.sink.write(before);
      const keys = ['k-1', 'k-2', 'k-new'];
      const upgrade = numbered(3, { cells: titled(3, 'upgraded'), keys, mode: 'upgrade' });
      assert.equal(residueCount(await harness.sink.write(upgrade)), 0);
      assert.deepEqual(await heldKeys(harness), ['k-0', 'k-1', 'k-2', 'k-3', 'k-new']);
      await assertCells(harness, upgrade, [0, 1, 2]);
      await assertCells(harness, before, [0, 3]);
    },
  },
  ...UPGRADE_CASES,
  {
    name: 'writes only the rows it was asked to write',
    check: async (harness) => {
      const request = numbered(6, { rows: [1, 4] });
      assert.equal(residueCount(await harness.sink.write(request)), 0);
      await assertHeld(harness, request);
    },
  },
  {
    name: 'looks up exactly the keys it holds',
    check: async ({ sink }) => {
      assert.deepEqual([...((await sink.lookup?.(['k-0'])) ?? [])], [], 'an empty sink holds nothing');
      await sink.write(numbered(3));
      const asked = ['k-2', 'absent', 'k-0', "k-0' OR '1'='1", ''];
      if (sink.lookup) assert.deepEqual([...(await sink.lookup(asked))].sort(), ['k-0', 'k-2']);
    },
  },
  {
    name: 'writes again after a reset',
    check: async (harness) => {
      const { sink } = harness;
      await sink.reset?.();
      await sink.write(numbered(2));
      await sink.reset?.();
      await sink.reset?.();
      const more = numbered(2, { keys: ['m-0', 'm-1'] });
      assert.equal(residueCount(await sink.write(more)), 0);
      assert.deepEqual(await heldKeys(harness), ['k-0', 'k-1', 'm-0', 'm-1']);
    },
  },
  {
    name: 'closes twice, also when it was never used',
    check: async ({ sink }) => {
      await sink.close?.();
      await sink.close?.();
    },
  },
  {
    name: 'lands nothing for a request that was aborted before it came',
    check: async (harness) => {
      const request = numbered(3, { signal: AbortSignal.abort(new Error('too late')) });
      await assertAccount(harness, request);
      assert.deepEqual(await heldKeys(harness), []);
    },
  },
  {
    name: 'accounts for every row of a request that is aborted on the way',
    check: async (harness) => {
      const controller = new AbortController();
      const request = numbered(ROWS_MANY, { signal: controller.signal });
      const account = assertAccount(harness, request);
      await nextTurn();
      controller.abort(new Error('deadline'));
      await account;
    },
  },
  {
    name: 'takes a request whose parts are getters of a class, as an engine hands it over',
    check: async (harness) => {
      const whole = numbered(3);
      // A spread copies nothing of it, so a sink that takes requests apart that way is found out.
      const request: WriteRequest = Object.create(whole);
      assert.equal(residueCount(await harness.sink.write(request)), 0);
      await assertHeld(harness, whole);
    },
  },
  {
    name: `takes ${ROWS_MANY} rows in one request`,
    check: async (harness) => {
      const request = numbered(ROWS_MANY);
      assert.equal(residueCount(await harness.sink.write(request)), 0);
      await assertHeld(harness, request);
    },
  },
  {
    name: 'takes requests at the same time',
    check: async (harness) => {
      const requests = ['a', 'b', 'c', 'd'].map((prefix) => numbered(50, { keys: keysOf(50, prefix) }));
      const results = await Promise.all(requests.map((request) => harness.sink.write(request)));
      assert.deepEqual(results.map(residueCount), [0, 0, 0, 0]);
      assert.equal((await harness.rows()).size, 200);
      for (const request of requests) await assertCells(harness, request, [0, 49]);
    },
  },
  {
    name: 'keeps awkward names, keys and values as they are',
    check: async (harness) => {
      const request = awkward();
      assert.equal(residueCount(await harness.sink.write(request)), 0);
      await assertHeld(harness, request);
      if (harness.sink.lookup) assert.deepEqual(await harness.sink.lookup(request.keys), new Set(request.keys));
    },
  },
];

/** S4, as the target understands it. */
function rewriteCase(overwrites: boolean): Case {
  return {
    name: overwrites
      ? 'holds a key that is written again once, with the values that came last'
      : 'changes nothing when the same keys are written again',
    check: async (harness) => {
      const { sink } = harness;
      const request = numbered(4);
      await sink.write(request);
      if (!sink.idempotent) return;
      const other = numbered(4, { cells: titled(4, 'second'), attemptId: 'attempt-2' });
      for (const again of overwrites ? [request, other] : [other]) {
        assert.equal(residueCount(await sink.write(again)), 0);
        await assertHeld(harness, overwrites ? again : request);
      }
    },
  };
}

function poisonCases(poison: bigint): readonly Case[] {
  const poisoned = (bad: readonly number[], extra: Partial<WriteRequestParts> = {}): WriteRequest =>
    numbered(6, {
      cells: titled(6, 'fine').map((row, at) => (bad.includes(at) ? ['bad', poison, 0] : row)),
      ...extra,
    });
  const expectFailed = async (harness: SinkHarness, request: WriteRequest, expected: readonly number[]) => {
    const result = await assertAccount(harness, request);
    assert.deepEqual(failedRows(request, result), expected);
  };
  return [
    {
      name: 'names exactly the rows that failed, and the others are in',
      check: (harness) => expectFailed(harness, poisoned([1, 4]), [1, 4]),
    },
    {
      name: 'names failed rows by their index in the batch, not in the request',
      check: (harness) => expectFailed(harness, poisoned([1, 4], { rows: [0, 2, 4, 5] }), [4]),
    },
    {
      name: 'lands nothing when every row fails',
      check: (harness) => expectFailed(harness, poisoned([0, 1, 2, 3, 4, 5]), [0, 1, 2, 3, 4, 5]),
    },
  ];
}

const NOTHING_LEFT = { residue: [], superseded: [], absent: [] } as const;
async function heldKeys(harness: SinkHarness): Promise<string[]> {
  return [...(await harness.rows()).keys()].sort();
}

/** The target holds the request's rows and nothing else. */
async function assertHeld(harness: SinkHarness, request: WriteRequest): Promise<void> {
  assert.deepEqual(await heldKeys(harness), [...request.keys].sort());
  await assertCells(harness, request, [...request.keys.keys()]);
}

async function assertCells(
  harness: SinkHarness,
  request: WriteRequest,
  positions: readonly number[],
): Promise<void> {
  if (harness.cell === undefined || request.columns === undefined) return;
  const rows = await harness.rows();
  const { columns, vectors } = request.columns;
  for (const position of positions) {
    const key = request.keys[position] ?? '';
    for (const [at, column] of columns.entries()) {
      const found = harness.cell(rows.get(key), column);
      assert.deepEqual(
        found,
        vectors[at]?.at(position),
        `${JSON.stringify(column.name)} of row ${JSON.stringify(key)}`,
      );
    }
  }
}

/** S1 and S2: a row is in the target if and only if it was not reported, uncertain ones aside. */
async function assertAccount(harness: SinkHarness, request: WriteRequest): Promise<readonly Residue[]> {
  const residue = await residueOf(harness.sink, request);
  const count = request.batch.rowCount;
  const reasons = new Map<number, string>();
  for (const { rows, reason } of residue) {
    assert.equal(findRowFault(rows, request.rows, count), undefined);
    for (const row of rowIndices(rows, count)) {
      assert.ok(!reasons.has(row), `row ${row} was reported twice`);
      reasons.set(row, reason);
    }
  }
  const held = await harness.rows();
  for (const [position, row] of rowIndices(request.rows, count).entries()) {
    const reason = reasons.get(row);
    if (reason === 'ambiguous') continue;
    const key = request.keys[position] ?? '';
    assert.equal(held.has(key), reason === undefined, `row ${row} (${reason ?? 'landed'})`);
  }
  return residue;
}

async function residueOf(sink: Sink, request: WriteRequest): Promise<readonly Residue[]> {
  try {
    return (await sink.write(request))?.residue ?? [];
  } catch (error) {
    assert.ok(error instanceof SinkError, `a sink throws SinkError, found ${String(error)}`);
    return [{ rows: request.rows, reason: error.reason }];
  }
}

function residueCount(result: { readonly residue: readonly Residue[] } | undefined): number {
  return (result?.residue ?? []).reduce((sum, { rows }) => sum + countRows(rows, Number.POSITIVE_INFINITY), 0);
}

function failedRows(request: WriteRequest, residue: readonly Residue[]): readonly number[] {
  return residue.flatMap(({ rows }) => rowIndices(rows, request.batch.rowCount)).sort((a, b) => a - b);
}
