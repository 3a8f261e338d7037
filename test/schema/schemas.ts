import { framer } from '../../src/codecs/codecs.ts';
import { Batch, type Format } from '../../src/core/batch.ts';
import type { Cell, Columns } from '../../src/core/columns.ts';
import { cellsOf as cellsOfVector } from '../../src/core/vectors.ts';
import { type DataType, Field, Schema } from '../../src/schema/arrow.ts';
import { type CompiledSchema, type CompileOptions, compileSchema } from '../../src/schema/compile-schema.ts';
import { parseJsonText } from '../../src/schema/json-text.ts';

export function field(
  name: string,
  type: DataType,
  metadata: Record<string, string> = {},
  nullable = true,
): Field {
  return new Field(name, type, nullable, new Map(Object.entries(metadata)));
}

export function compiled(fields: readonly Field[], options: CompileOptions = {}): CompiledSchema {
  return compileSchema(new Schema([...fields]), options);
}

export function batchOf(body: Uint8Array | string, format: Format = 'ndjson'): Batch {
  return new Batch({ body, format }, 'test', framer, 0);
}

/** Cells by column and position. */
export function valuesOf(columns: Columns): Cell[][] {
  return columns.vectors.map(cellsOfVector);
}

/** Cells by row. */
export function cellsAt(columns: Columns): Cell[][] {
  return columns.rows.map((_, place) => columns.vectors.map((vector) => vector.at(place)));
}

/** JSON text with bigint as plain digits. */
export function jsonLine(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (Object.is(value, -0)) return '-0';
  if (Array.isArray(value)) return `[${value.map(jsonLine).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, cell]) => `${JSON.stringify(name)}:${jsonLine(cell)}`)
    .join(',')}}`;
}

export function ndjsonOf(records: readonly unknown[]): Batch {
  return batchOf(records.map((record) => `${jsonLine(record)}\n`).join('') || '\n');
}

const PER_SECOND = { s: 1n, ms: 1000n, us: 1_000_000n, ns: 1_000_000_000n };

/** A count since 1970 as ISO text with all its decimals. */
export function isoOf(count: bigint, unit: keyof typeof PER_SECOND): string {
  const per = PER_SECOND[unit];
  const fraction = ((count % per) + per) % per;
  const seconds = new Date(Number((count - fraction) / per) * 1000).toISOString().slice(0, 19);
  return `${seconds}${per === 1n ? '' : `.${String(fraction).padStart(String(per).length - 1, '0')}`}Z`;
}

function encodeCell(cell: Cell, columns: Columns, index: number, nested: ReadonlySet<string>): unknown {
  if (typeof cell === 'string' && nested.has(columns.columns[index]?.name ?? '')) return parseJsonText(cell);
  const unit = columns.columns[index]?.unit;
  if (typeof cell === 'bigint' && unit) return isoOf(cell, unit);
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('base64') : cell;
}

/**
 * What a pipeline would write if it read the columns back: the rows as ndjson. The JSON text of `nested` columns is
 * written as what it holds.
 */
export function reencode(columns: Columns, nested: ReadonlySet<string> = new Set()): Batch {
  return ndjsonOf(
    columns.rows.map((_, place) =>
      Object.fromEntries(
        columns.columns.map(({ name }, index) => [
          name,
          encodeCell(columns.vectors[index]?.at(place) ?? null, columns, index, nested),
        ]),
      ),
    ),
  );
}

/** The only cell of a one-column result. */
export function cellsOf(columns: Columns, index = 0): readonly Cell[] {
  return valuesOf(columns)[index] ?? [];
}
