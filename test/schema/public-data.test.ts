/** Tables that were not made for this package: every cell of every file of a public collection, against other readers. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import papaparse from 'papaparse';
import { describe, expect, it } from 'vitest';
import { decodeRecord } from '../../src/codecs/codecs.ts';
import type { Batch } from '../../src/core/batch.ts';
import type { Cell, Column } from '../../src/core/columns.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { inferSchema } from '../../src/schema/declare/infer-schema.ts';
import { batchOf } from './schemas.ts';

type Row = Readonly<Record<string, unknown>>;

const DIRECTORY = 'node_modules/vega-datasets-v3/data';
/** The larger files hold more of the same. */
const BYTES_MAX = 400_000;

const FILES = readdirSync(DIRECTORY).filter(
  (name) => /\.(?:json|csv|tsv)$/.test(name) && statSync(join(DIRECTORY, name)).size < BYTES_MAX,
);

/** The rows by another reader. */
function readAgain(name: string, text: string): readonly Row[] {
  if (!name.endsWith('.json')) {
    const { data } = papaparse.parse<Record<string, string>>(text, { header: true, skipEmptyLines: true });
    return data.map((row) =>
      Object.fromEntries(Object.entries(row).map(([key, cell]) => [key, cell === '' ? null : cell])),
    );
  }
  const document: unknown = JSON.parse(text);
  const rows: readonly unknown[] = Array.isArray(document) ? document : [document];
  return rows.map((row) =>
    typeof row === 'object' && row !== null && !Array.isArray(row) ? (row as Row) : { value: row },
  );
}

const PER_MILLISECOND: Readonly<Record<string, number>> = { ms: 1, us: 1e3, ns: 1e6 };

/** Whether the cell means what the file says; texts of a file without types may be numbers. */
function isSame(before: unknown, cell: Cell, { type, unit = 'ms' }: Column): boolean {
  if (before === null || before === undefined) return cell === null;
  switch (type) {
    case 'json':
      return JSON.stringify(JSON.parse(String(cell))) === JSON.stringify(before);
    case 'text':
    case 'date':
      return cell === (typeof before === 'string' ? before : JSON.stringify(before));
    case 'timestamp': {
      const text = String(before).replace(' ', 'T');
      const instant = Date.parse(/Z$|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`);
      return Number(cell) / (PER_MILLISECOND[unit] ?? 1) === instant;
    }
    case 'bool':
      return String(cell) === String(before);
    default:
      return Number(cell) === Number(before);
  }
}

function recordsOf(batch: Batch): readonly Row[] {
  return Array.from({ length: batch.rowCount }, (_, row) => ({ ...decodeRecord(batch, row) }));
}

describe('a public file', () => {
  it('is among many', () => {
    expect(FILES.length).toBeGreaterThan(50);
  });

  it.each(FILES)(
    '%s is decoded as by another reader, and conforms to what is inferred from it',
    async (name) => {
      const body = readFileSync(join(DIRECTORY, name));
      const format = name.endsWith('.json') ? 'json' : 'csv';
      const expected = readAgain(name, body.toString());
      const records = recordsOf(batchOf(body, format));
      expect(records).toEqual(expected);
      for (const nested of ['json', 'struct'] as const) {
        const schema = inferSchema(records, { untyped: format === 'csv', nested });
        for (const codeGeneration of [true, false]) {
          const { columns, residue, loss } = await compileSchema(schema, { codeGeneration }).coerce(
            batchOf(body, format),
            'all',
          );
          expect(residue).toEqual([]);
          // Only a field of texts and numbers, which was inferred as text, changes.
          expect(loss.entries.filter(({ kind, lossless }) => kind !== 'text-from-number' || !lossless)).toEqual(
            [],
          );
          const wrong = columns.columns.flatMap((column, at) =>
            records
              .map((record, row) => [record[column.name], columns.vectors[at]?.at(row) ?? null] as const)
              .filter(([before, cell]) => !isSame(before, cell, column)),
          );
          expect(wrong).toEqual([]);
        }
      }
    },
  );
});
