import { describe, expect, it } from 'vitest';
import {
  ArrowTimeUnit,
  Bool,
  DateDay,
  Decimal,
  Float64,
  Int32,
  Int64,
  Timestamp,
  Utf8,
} from '../../src/schema/arrow.ts';
import type { Change } from '../../src/schema/change.ts';
import { isExplained } from '../../src/schema/explain.ts';
import { FieldNames } from '../../src/schema/field-names.ts';
import { planField } from '../../src/schema/field-plan.ts';
import { findUnaccounted } from './oracle/account-row.ts';
import { type CoercedRow, coerceRow } from './oracle/coerce-row.ts';
import { field } from './schemas.ts';

const fields = [
  field('int', new Int32(), { precision: '0.5' }),
  field('big', new Int64()),
  field('float', new Float64()),
  field('money', new Decimal(2, 10)),
  field('text', new Utf8()),
  field('flag', new Bool()),
  field('day', new DateDay()),
  field('at', new Timestamp(ArrowTimeUnit.MILLISECOND, 'UTC')),
  field('spare', new Utf8(), { essential: 'false' }),
  field('none', new Utf8()),
].map(planField);
const plan = { fields, names: new FieldNames(fields) };

const record: Readonly<Record<string, unknown>> = {
  INT: 12.4,
  big: '9007199254740993',
  float: '0.5',
  money: '1e2',
  text: 5,
  flag: 'no',
  day: ' 2024-02-29',
  at: '2024-02-29 10:00:00 +0100',
  spare: new Uint8Array(1),
  junk: true,
};
const honest = coerceRow(plan, record, 'typed');

/** The row with one cell replaced: what a faulty conversion would have made. */
function withCell(name: string, cell: unknown): CoercedRow {
  const index = fields.findIndex(({ column }) => column.name === name);
  return { ...honest, cells: honest.cells.map((old, at) => (at === index ? (cell as never) : old)) };
}

function withChanges(edit: (changes: readonly Change[]) => readonly Change[]): CoercedRow {
  return { ...honest, changes: edit(honest.changes) };
}

const verdict = (row: CoercedRow) => findUnaccounted(plan, record, row, 'typed');

describe('the diff validator', () => {
  it('accounts for an honest row with a change of many kinds', () => {
    expect(honest.refusals).toEqual([]);
    expect(honest.changes.map(({ kind }) => kind)).toEqual([
      'rounded',
      'number-from-text',
      'number-from-text',
      'number-from-text',
      'text-from-number',
      'bool-from-text',
      'time-from-text',
      'time-from-text',
      'nulled',
      'missing',
      'stripped',
    ]);
    expect(verdict(honest)).toBeUndefined();
  });

  it.each([
    ['int', 13],
    ['big', 9007199254740992n],
    ['float', 0.25],
    ['money', '1.00'],
    ['text', '6'],
    ['flag', true],
    ['day', '2024-03-01'],
    ['at', 1709204400000n],
    ['spare', ''],
    ['none', ''],
    ['int', null],
    ['text', undefined],
  ])('finds a wrong value in %s (%s)', (name, cell) => {
    expect(verdict(withCell(name, cell))).toBe(`${name} changed without a reason`);
  });

  it('finds a change that nobody counted', () => {
    honest.changes.forEach((change, index) => {
      expect(verdict(withChanges((changes) => changes.filter((_, at) => at !== index)))).toMatch(
        new RegExp(`^${change.source ?? change.field}|${change.field}`),
      );
    });
  });

  it('finds a change that was counted twice', () => {
    for (const change of honest.changes.filter(({ kind }) => kind !== 'stripped')) {
      expect(verdict(withChanges((changes) => [...changes, change]))).toBe(`${change.field} is counted twice`);
    }
    expect(verdict(withChanges((changes) => [...changes, ...changes.slice(-1)]))).toBe('junk is counted twice');
  });

  it('finds a change counted under a kind that does not explain it', () => {
    const relabelled = (kind: Change['kind']) =>
      withChanges((changes) =>
        changes.map((change) => (change.field === 'int' ? { ...change, kind } : change)),
      );
    for (const kind of [
      'renamed',
      'nulled',
      'number-from-text',
      'null-from-text',
      'missing',
      'stripped',
      'time-from-number',
    ] as const) {
      expect(verdict(relabelled(kind))).toBe('int changed without a reason');
    }
  });

  it('compares a time with its cell to the last digit, whatever the form', () => {
    const texts = [
      '2024-02-29 10:00:00',
      '2024-02-29 10:00:00Z',
      ' 2024-02-29 09:00:00.000-01:00',
      '2024-02-29 10:00',
    ];
    const at = fields.find(({ column }) => column.name === 'at');
    const isTime = (before: string, after: bigint, kind: Change['kind']) =>
      isExplained(at, { field: 'at', column: 7, source: 'at', kind, lossless: false, before, after }, 'typed');
    const cell = BigInt(Date.UTC(2024, 1, 29, 10));
    for (const text of texts) {
      expect(isTime(text, cell, 'time-from-text')).toBe(true);
      for (const offset of [1n, -1n, 500n, 1000n, 86_400_000n]) {
        expect(isTime(text, cell + offset, 'time-from-text')).toBe(false);
      }
      expect(isTime(text, cell, 'rounded')).toBe(false);
    }
    expect(isTime('2024-02-29 10:00:00.0009', cell, 'rounded')).toBe(true);
    expect(isTime('2024-02-29 10:00:00.0009', cell, 'time-from-text')).toBe(false);
  });

  it('finds a rounding above the declared precision', () => {
    const strict = [planField(field('INT', new Int32(), { precision: '0.1' }))];
    const change: Change = {
      field: 'INT',
      column: 0,
      source: 'INT',
      kind: 'rounded',
      lossless: false,
      before: 12.4,
      after: 12,
    };
    const row = { cells: [12], changes: [change] };
    expect(
      findUnaccounted({ fields: strict, names: new FieldNames(strict) }, { INT: 12.4 }, row, 'typed'),
    ).toBe('INT changed without a reason');
  });
});
