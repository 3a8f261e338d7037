import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/core/batch.ts';
import type { Cell } from '../../src/core/columns.ts';
import { cellsOf, cellVector, numberVector } from '../../src/core/vectors.ts';
import { coercionValidator } from '../../src/diff/validate-coercion.ts';
import { Int32, Schema } from '../../src/schema/arrow.ts';
import type { Change } from '../../src/schema/change.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { FIELDS, messyBatch, messyRecord, NAMES } from '../schema/messy-records.ts';
import { batchOf, field, ndjsonOf } from '../schema/schemas.ts';

const schema = new Schema([...FIELDS]);
const compiled = compileSchema(schema, { tolerance: 1 });
const validator = coercionValidator(schema);

const anyBatch = fc.oneof(
  messyBatch,
  fc.array(fc.oneof(messyRecord), { minLength: 1, maxLength: 3 }).map(ndjsonOf),
);

/** A cell that no spelling makes the same. */
function otherThan(cell: Cell): Cell {
  if (cell === null) return 'something else';
  return typeof cell === 'string' ? `${cell}7x` : null;
}

async function validate(batch: Batch) {
  const coerced = await compiled.coerce(batch, 'all');
  return { coerced, fault: await validator.findFault(batch, coerced, 'all') };
}

/** Numbers as JSON writers of all kinds spell them, and what else stands where they should. */
const token = fc.constantFrom(
  ...['0', '-0', '-0.0', '1.0', '1e3', '1E5', '1.50', '0.1', '0.10000000000000000001', '0.10000000000000001'],
  ...[
    '5.000000000000000000',
    '12.345678901234567890',
    '1234567.12345678',
    '1e-400',
    '1e400',
    '16777217',
    '3e-324',
  ],
  ...[
    '9007199254740993',
    '-9007199254740993',
    '9223372036854775808',
    '12345678901234567890',
    '123456789012345.5',
  ],
  ...[
    '"1.50"',
    '"007"',
    '" 5 "',
    '"1e3"',
    '"0.10000000000000000001"',
    '"NaN"',
    '""',
    '"é"',
    '"e\\u0301"',
    '" x "',
  ],
  ...[
    '"YES"',
    '"T"',
    'true',
    'null',
    '[1]',
    '["x"]',
    '[1,2]',
    '{"a":1,"b":["x"]}',
    '{"b":[1],"c":0.10000000000000000001}',
  ],
  ...[
    '"2026-01-01T00:00:00Z"',
    '"2026-01-01 00:00:00.1234567891+02:00"',
    '"2024-02-29"',
    '1700000000',
    '1700000000.25',
  ],
  ...['"AAEC"', '"{\\"a\\":\\"1\\"}"', '"[1,2.5]"', '"\\"x\\""', '"5"'],
);
const rawRow = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), token), { maxLength: 10 })
  .map((members) => `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`);
const fairRow = fc
  .tuple(fc.constantFrom(...FIELDS), token, fc.boolean())
  .map(([{ name }, text, isUpper]) => `{${JSON.stringify(isUpper ? name.toUpperCase() : name)}:${text}}`);
const rawBatch = fc
  .array(fc.oneof(rawRow, fairRow, fairRow), { minLength: 1, maxLength: 8 })
  .map((rows) => batchOf(rows.join('\n')));
const csvCell = (value: unknown) =>
  `"${String(typeof value === 'object' ? JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v)) : value).replaceAll('"', '""')}"`;

describe('the validator of a coercion', () => {
  it('accounts for every honest coercion', async () => {
    let [landed, changed] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.oneof(messyBatch, rawBatch), async (batch) => {
        const { coerced, fault } = await validate(batch);
        expect(fault, Buffer.from(batch.body).toString()).toBeUndefined();
        landed += coerced.columns.rows.length;
        changed += coerced.degradedRows.length;
      }),
      { numRuns: 4000 },
    );
    expect(landed).toBeGreaterThan(2000);
    expect(changed).toBeGreaterThan(500);
  });

  it('accounts for every honest coercion of csv', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...FIELDS),
        fc.array(messyRecord, { minLength: 1, maxLength: 6 }),
        async ({ name }, records) => {
          const names = ['text', name, 'extra'];
          const rows = records.map((record) =>
            names.map((own) => csvCell(Object.values(record).at(own.length % 3) ?? '')).join(','),
          );
          const { fault } = await validate(batchOf(`${names.join(',')}\n${rows.join('\n')}\n`, 'csv'));
          expect(fault).toBeUndefined();
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('accounts for every honest coercion of points', async () => {
    const value = fc.constantFrom(
      '5i',
      '5',
      '5u',
      '"5"',
      't',
      'false',
      '1e400',
      '0.1',
      '"x"',
      '9007199254740993i',
    );
    const point = fc
      .tuple(
        fc.constantFrom('m', 'M'),
        fc.constantFrom('int', 'FLOAT', 'text', 'at'),
        value,
        fc.constantFrom('', ' 1', ' 1700000000000000001'),
      )
      .map(([measurement, name, own, time]) => `${measurement},flag=yes ${name}=${own}${time}`);
    await fc.assert(
      fc.asyncProperty(fc.array(point, { minLength: 1, maxLength: 5 }), async (points) => {
        const { fault } = await validate(batchOf(points.join('\n'), 'line-protocol'));
        expect(fault, points.join('\n')).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  it('finds any cell that holds something else', async () => {
    let found = 0;
    await fc.assert(
      fc.asyncProperty(anyBatch, fc.nat(), fc.nat(), async (batch, column, place) => {
        const { coerced } = await validate(batch);
        const { columns } = coerced;
        if (columns.rows.length === 0) return;
        const [x, y] = [column % FIELDS.length, place % columns.rows.length];
        const old = columns.vectors[x]?.at(y) ?? null;
        const vectors = columns.vectors.map((vector, index) =>
          index === x
            ? cellVector(cellsOf(vector).map((cell, at) => (at === y ? otherThan(cell) : cell)))
            : vector,
        );
        const fault = await validator.findFault(batch, { ...coerced, columns: { ...columns, vectors } }, 'all');
        expect(fault, `${FIELDS[x]?.name} was ${old} in ${Buffer.from(batch.body)}`).toMatch(/^row \d+: /);
        found += 1;
      }),
      { numRuns: 1500 },
    );
    expect(found).toBeGreaterThan(500);
  });

  it('finds any change that is forgotten, doubled, moved to another row, or told of another value', async () => {
    let found = 0;
    await fc.assert(
      fc.asyncProperty(anyBatch, fc.nat(), fc.nat(), async (batch, row, at) => {
        const { coerced } = await validate(batch);
        const { changes } = coerced;
        if (changes.length === 0) return;
        const place = row % changes.length;
        const own = changes[place] ?? [];
        const index = at % own.length;
        const one = own[index];
        if (!one) return;
        const told = (edited: readonly Change[]): Promise<string | undefined> => {
          const all = changes.map((kept, other) => (other === place ? edited : kept));
          return validator.findFault(batch, { ...coerced, changes: all }, 'changed');
        };
        expect(await told(own.toSpliced(index, 1)), 'forgotten').toBeDefined();
        expect(await told([...own, one]), 'doubled').toBeDefined();
        if (one.column >= 0) {
          expect(
            await told(own.with(index, { ...one, after: otherThan(one.after ?? null) })),
            'after',
          ).toBeDefined();
          expect(
            await told(own.with(index, { ...one, column: one.column === 0 ? 1 : 0 })),
            'moved',
          ).toBeDefined();
        }
        const isSingle = own.filter(({ source }) => source === one.source).length === 1;
        if (isSingle && typeof one.before === 'string')
          expect(await told(own.with(index, { ...one, before: `${one.before}9` })), 'before').toBeDefined();
        found += 1;
      }),
      { numRuns: 1500 },
    );
    expect(found).toBeGreaterThan(200);
  });

  it('finds a loss report that counts other cells', async () => {
    const batch = batchOf('{"int":"5","extra":1}\n{"text":7}\n');
    const { coerced, fault } = await validate(batch);
    expect([fault, coerced.degradedRows.length > 0]).toEqual([undefined, true]);
    const { loss } = coerced;
    const edited = (entries: typeof loss.entries, cells = loss.cells): Promise<string | undefined> =>
      validator.findFault(batch, { ...coerced, loss: { ...loss, entries, cells } }, 'changed');
    expect(await edited(loss.entries, loss.cells + 1)).toMatch(/^\d+ cells were changed/);
    expect(await edited(loss.entries.slice(1))).toMatch(/off in cells that are/);
    expect(await edited(loss.entries.map((entry) => ({ ...entry, count: entry.count + 1 })))).toBeDefined();
    expect(await edited(loss.entries.map((entry) => ({ ...entry, kind: 'nulled' })))).toBeDefined();
    expect(await edited(loss.entries)).toBeUndefined();
  });

  it('finds a counted row that does not land', async () => {
    const batch = batchOf('{"text":7}\n');
    const { coerced } = await validate(batch);
    const columns = { ...coerced.columns, rows: [] };
    expect(await validator.findFault(batch, { ...coerced, columns }, 'all')).toBe(
      'row 0 is in the loss report and does not land',
    );
  });

  it('looks at conforming rows unless told to believe them', async () => {
    const own = new Schema([field('n', new Int32())]);
    const batch = batchOf('{"n":1}\n{"n":2}\n');
    const coerced = await compileSchema(own).coerce(batch, 'all');
    const wrong = { ...coerced, columns: { ...coerced.columns, vectors: [numberVector(Int32Array.of(1, 3))] } };
    expect(await coercionValidator(own).findFault(batch, wrong, 'changed')).toBeUndefined();
    expect(await coercionValidator(own).findFault(batch, wrong, 'all')).toBe(
      'row 1: n was 2 and is 3 without an entry in the loss report',
    );
  });

  it('holds rounded numbers to the precision of their field', async () => {
    const precise = new Schema([field('n', new Int32(), { precision: '0.5' })]);
    const strict = coercionValidator(new Schema([field('n', new Int32(), { precision: '0.4' })]));
    const batch = batchOf('{"n":1.5}\n');
    const coerced = await compileSchema(precise, { tolerance: 1 }).coerce(batch, 'all');
    expect(await coercionValidator(precise).findFault(batch, coerced, 'all')).toBeUndefined();
    expect(await strict.findFault(batch, coerced, 'all')).toMatch(/beyond its precision$/);
  });

  it('lets others work between its turns', async () => {
    let turns = 0;
    const batch = batchOf('{"text":"x"}\n'.repeat(2000));
    const coerced = await compiled.coerce(batch, 'all');
    const patient = coercionValidator(schema, async () => {
      turns += 1;
    });
    expect(await patient.findFault(batch, coerced, 'all')).toBeUndefined();
    expect(turns).toBe(8);
  });
});
