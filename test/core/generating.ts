/** Everything that generates code, once: prints whether it could, and what came of it, to compare two hosts by. */
import { compileCode } from '../../src/core/generated-code.ts';
import { diffRecords } from '../../src/diff/diff-records.ts';
import { ArrowTimeUnit, Float64, Int32, Timestamp, Utf8 } from '../../src/schema/arrow.ts';
import { batchOf, compiled, field } from '../schema/schemas.ts';

const ROWS = 500;
const lines = (lineOf: (row: number) => string): string =>
  Array.from({ length: ROWS }, (_, row) => `${lineOf(row)}\n`).join('');

const rows = compiled([field('id', new Int32()), field('name', new Utf8(), { essential: 'false' })]);
const points = compiled([
  field('measurement', new Utf8()),
  field('host', new Utf8()),
  field('load', new Float64()),
  field('time', new Timestamp(ArrowTimeUnit.NANOSECOND)),
]);
const made = [];
for (const [schema, batch] of [
  [rows, batchOf(lines((row) => `{"id":${row},"name":${row % 7 ? `"n${row}"` : row}}`))],
  [
    points,
    batchOf(
      lines((row) => `cpu,host=h${row} load=${row}.25 ${row}000`),
      'line-protocol',
    ),
  ],
] as const) {
  const { columns, changes, residue } = await schema.coerce(batch, 'all');
  made.push({ records: schema.records(columns), changes, residue });
}
const before = Array.from({ length: ROWS }, (_, id) => ({ id, name: `n${id}`, nested: { id } }));
const after = before.map((record) => (record.id % 9 ? record : { ...record, nested: { id: -1 } }));
made.push(await diffRecords(before, after, { key: ['id'] }));

const text = JSON.stringify(made, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
process.stdout.write(JSON.stringify({ isGenerated: compileCode('return true;', {}) ?? false, text }));
