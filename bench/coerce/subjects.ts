/** What is timed: each subject goes from the bytes of a body to what its name says. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { z } from 'zod';
import { framer } from '../../src/codecs/codecs.ts';
import { Batch } from '../../src/core/batch.ts';
import type { Schema } from '../../src/schema/arrow.ts';
import { type CompileOptions, compileSchema } from '../../src/schema/compile-schema.ts';

/** @returns something that depends on every record, so that nothing can be left out */
export type Subject = (body: Buffer) => Promise<number> | number;

type Parsed = Record<string, unknown>;

function eachLine(body: Buffer, visit: (record: Parsed) => void): void {
  let start = 0;
  while (start < body.length) {
    const stop = body.indexOf(10, start);
    const end = stop < 0 ? body.length : stop;
    visit(JSON.parse(body.toString('utf8', start, end)) as Parsed);
    start = end + 1;
  }
}

/** P: indexOf, decode, JSON.parse. */
export const parse: Subject = (body) => {
  let records = 0;
  eachLine(body, (record) => {
    if (record !== null) records += 1;
  });
  return records;
};

function batchOf(body: Buffer): Batch {
  return new Batch({ body, format: 'ndjson' }, 'bench', framer, 0);
}

function strictColumns(schema: Schema, options: CompileOptions = {}): Subject {
  const compiled = compileSchema(schema, { tolerance: 1, ...options });
  return async (body) => (await compiled.checkInTurns(batchOf(body), 'all')).columns.rows.length;
}

function lenientColumns(schema: Schema): Subject {
  const compiled = compileSchema(schema, { tolerance: 1 });
  return async (body) => {
    const { columns, loss } = await compiled.coerce(batchOf(body), 'all');
    return columns.rows.length + loss.cells;
  };
}

function lenientObjects(schema: Schema): Subject {
  const compiled = compileSchema(schema, { tolerance: 1 });
  return async (body) => {
    const { columns, loss } = await compiled.coerce(batchOf(body), 'all');
    return (await compiled.recordsInTurns(columns)).length + loss.cells;
  };
}

/** The usual recipe: parse, then let a validator coerce in place. It reports no loss. */
function ajv(): Subject {
  const validator = new Ajv2020({ coerceTypes: true, removeAdditional: 'all', allErrors: false });
  addFormats.default(validator);
  const validate = validator.compile({
    type: 'object',
    additionalProperties: false,
    properties: {
      id: { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
      ts: { type: 'string', format: 'date-time' },
      device: { type: 'string' },
      temp: { type: 'number' },
      hum: { type: 'number', nullable: true },
      count: { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
      big: { type: 'integer' },
      ok: { type: 'boolean' },
      status: { type: 'string' },
      meta: { type: 'object', properties: { fw: { type: 'string' }, rssi: { type: 'integer' } } },
    },
    required: ['id', 'ts'],
  });
  return (body) => {
    let valid = 0;
    eachLine(body, (record) => {
      if (validate(record)) valid += 1;
    });
    return valid;
  };
}

function zod(): Subject {
  const record = z.object({
    id: z.coerce.number().int(),
    ts: z.coerce.date(),
    device: z.coerce.string(),
    temp: z.coerce.number(),
    hum: z.coerce.number().nullish(),
    count: z.coerce.number().int(),
    big: z.coerce.number(),
    ok: z.coerce.boolean(),
    status: z.coerce.string(),
    meta: z.object({ fw: z.string(), rssi: z.number() }),
  });
  return (body) => {
    let valid = 0;
    eachLine(body, (value) => {
      if (record.safeParse(value).success) valid += 1;
    });
    return valid;
  };
}

export const SUBJECTS = {
  strict: strictColumns,
  'strict, no generated code': (schema) => strictColumns(schema, { codeGeneration: false }),
  lenient: lenientColumns,
  'lenient objects': lenientObjects,
  ajv,
  zod,
} as const satisfies Readonly<Record<string, (schema: Schema) => Subject>>;

export type SubjectName = keyof typeof SUBJECTS;
