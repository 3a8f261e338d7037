import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Float64, Int32, Schema, Utf8 } from '../../../src/schema/arrow.ts';
import { compileSchema } from '../../../src/schema/compile-schema.ts';
import { detectDrift } from '../../../src/schema/drift/detect-drift.ts';
import { DriftDetector } from '../../../src/schema/drift/drift-detector.ts';
import type { DriftReport } from '../../../src/schema/drift/drift-report.ts';
import { isPlainJson } from '../../../src/schema/drift/fast-accept.ts';
import { planFields } from '../../../src/schema/schema-plan.ts';
import { batchOf, field, ndjsonOf } from '../schemas.ts';
import { recordsOf, schemas } from './drifting-records.ts';

const SCHEMA = new Schema([
  field('id', new Int32(), {}, false),
  field('US Gross', new Float64(), { aliases: '["takings"]' }),
  field('note', new Utf8(), { optional: 'true' }),
]);
const compiled = compileSchema(SCHEMA);

function findings(report: DriftReport): string[] {
  return report.entries.map(({ field: name, kind, count }) => `${name}: ${kind} ${count}`);
}

describe('detecting drift', () => {
  it('finds nothing in records that conform', async () => {
    const report = await detectDrift(
      [
        { id: 1, 'US Gross': 2, note: 'x' },
        { id: 2, 'US Gross': null },
      ],
      compiled,
    );
    expect(report).toEqual({
      rows: 2,
      cells: 5,
      mismatched: 0,
      divergence: 0,
      undecodable: 0,
      fields: [
        { field: 'id', cells: 2, mismatched: 0 },
        { field: 'US Gross', cells: 2, mismatched: 0 },
        { field: 'note', cells: 1, mismatched: 0 },
      ],
      entries: [],
    });
  });

  it('names every kind of mismatch, with where it is and what is there', async () => {
    const report = await detectDrift(
      [
        { id: '1', 'US Gross': 1 },
        { 'US Gross': 2 },
        { id: null, us_gross: 3 },
        { id: 3e9, takings: 4, site: 'north' },
        { id: 5, 'US Gross': 6, note: 7 },
      ],
      compiled,
    );
    expect(findings(report)).toEqual([
      'id: type 1',
      'id: missing 1',
      'US Gross: renamed 2',
      'id: null 1',
      'site: extra 1',
      'id: range 1',
      'note: type 1',
    ]);
    expect(report.entries[2]?.samples).toEqual([
      { row: 2, value: '"us_gross"' },
      { row: 3, value: '"takings"' },
    ]);
    expect([report.cells, report.mismatched]).toEqual([12, 8]);
  });

  it('takes a name for another spelling only when the field itself is absent, and an alias before a spelling', async () => {
    const report = await detectDrift(
      [
        { id: 1, 'US Gross': 1, us_gross: 2 },
        { id: 1, us_gross: 2, takings: 3, UsGross: 4 },
      ],
      compiled,
    );
    expect(findings(report)).toEqual(['us_gross: extra 2', 'UsGross: extra 1', 'US Gross: renamed 1']);
    expect(report.entries[2]?.samples).toEqual([{ row: 1, value: '"takings"' }]);
  });

  it('finds an optional field under another name, which is then a cell', async () => {
    const report = await detectDrift([{ id: 1, 'US Gross': 1, Note: 'x' }], compiled);
    expect(findings(report)).toEqual(['note: renamed 1']);
    expect([report.cells, report.mismatched]).toEqual([3, 1]);
  });

  it('takes what is no object for a record with the field value', async () => {
    expect(findings(await detectDrift([7, [1], null], compiled))).toEqual([
      'value: extra 3',
      'id: missing 3',
      'US Gross: missing 3',
    ]);
  });

  it('agrees with the strict check on every cell of random batches, by either mask', async () => {
    const cases = schemas.chain((schema) =>
      fc.record({ schema: fc.constant(schema), records: fc.array(recordsOf(schema), { maxLength: 6 }) }),
    );
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async ({ schema, records }, canGenerate) => {
        const batch = ndjsonOf(records.map(plainOf));
        const strict = compileSchema(schema);
        const { drift, divergence, residue } = strict.check(batch, 'all');
        const report = await detectDrift(batch, strict, { canGenerate });
        expect({ ...report, entries: findings(report).sort() }).toEqual({
          ...drift,
          entries: findings(drift).sort(),
        });
        expect(report.divergence).toBe(divergence);
        expect(report.mismatched > 0).toBe(residue.some(({ reason }) => reason !== 'undecodable'));
      }),
      { numRuns: 400 },
    );
  });

  it('counts rows that are not the format, beside those it reads', async () => {
    const report = await detectDrift(
      batchOf('{"id":1,"US Gross":2}\n{"id":\n{"id":"x","US Gross":1}\n'),
      compiled,
    );
    expect(report).toMatchObject({ rows: 2, undecodable: 1, mismatched: 1 });
    expect(report.entries[0]?.samples).toEqual([{ row: 2, value: '"x"' }]);
  });

  it('reads csv as text, where canonical digits are numbers', async () => {
    const report = await detectDrift(batchOf('id,US Gross\n1,2.5\n007,x\n', 'csv'), compiled);
    expect(findings(report)).toEqual(['id: type 1', 'US Gross: type 1']);
  });

  it('reads from async sources', async () => {
    async function* source() {
      yield { id: 1, 'US Gross': 1 };
      yield { id: 'x', 'US Gross': 1 };
    }
    expect(findings(await detectDrift(source(), compiled))).toEqual(['id: type 1']);
  });

  it('gives the event loop a turn every few thousand cells, and stops when it is told to', async () => {
    const controller = new AbortController();
    let turns = 0;
    const yieldToLoop = async () => {
      turns += 1;
      if (turns === 5) controller.abort(new Error('enough'));
    };
    const records = Array.from({ length: 100_000 }, (_, id) => ({ id, 'US Gross': 1 }));
    const work = detectDrift(records, compiled, { yieldToLoop, signal: controller.signal });
    await expect(work).rejects.toThrow('enough');
    expect(turns).toBe(5);
  });

  it('takes turns inside of a record count when records are wide', async () => {
    let turns = 0;
    const wide = Object.fromEntries(Array.from({ length: 8_000 }, (_, index) => [`f${index}`, index]));
    const yieldToLoop = async () => {
      turns += 1;
    };
    await detectDrift([wide, wide, wide], compiled, { yieldToLoop });
    expect(turns).toBe(3);
  });

  it('stays bounded over a hundred thousand names that nobody knows', async () => {
    const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`f${index}`, index]));
    const report = await detectDrift([{ id: 1, 'US Gross': 1, ...wide }], compiled);
    expect(report.entries).toHaveLength(257);
    expect(report.mismatched).toBe(100_000);
  });

  it('gives for a long row of a batch what it gives for the same row parsed', async () => {
    const value = fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.constantFrom({ a: 1 }, [1]));
    const name = fc.constantFrom(
      'id',
      'ID',
      'US Gross',
      'us_gross',
      '__proto__',
      '7',
      'new',
      'é"\\',
      'constructor',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, value), { maxLength: 12 }), async (members) => {
        const text = members.map(([key, cell]) => `${JSON.stringify(key)}:${JSON.stringify(cell)}`).join(',');
        const row = (length: number) => batchOf(`{${text}${' '.repeat(length)}}`, 'ndjson');
        const [short, long] = [await detectDrift(row(1), compiled), await detectDrift(row(70_000), compiled)];
        expect(long).toEqual(short);
      }),
      { numRuns: 300 },
    );
  });

  it('says where below a field a reader stopped', () => {
    const plan = planFields(SCHEMA);
    const [id] = plan.fields;
    if (!id) throw new Error('no field');
    const fault = Object.assign(id.reader.read('x', 'typed') as object, {});
    const nested = Object.assign(Object.create(Object.getPrototypeOf(fault)), fault, { path: '.rssi' });
    const reader = { ...id.reader, read: () => nested };
    const detector = new DriftDetector({ ...plan, fields: [{ ...id, reader }, ...plan.fields.slice(1)] });
    detector.add({ id: '-70', 'US Gross': 1 }, 0);
    expect(findings(detector.report())).toEqual(['id.rssi: type 1']);
    expect(detector.report().fields[0]).toEqual({ field: 'id', cells: 1, mismatched: 1 });
  });
});

/** What JSON can say of a record: other values become text. */
function plainOf(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(record).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const isSaid = typeof value === 'bigint' || typeof value === 'string' || isPlainJson(value);
    return [[name, isSaid ? value : 'cannot be said']];
  });
  return Object.fromEntries(entries);
}
