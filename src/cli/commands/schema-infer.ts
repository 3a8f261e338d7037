/** `tierfall schema infer`. */
import { resolve } from 'node:path';
import { decodeRecord, framer } from '../../codecs/codecs.ts';
import { Batch } from '../../core/batch.ts';
import { InputError } from '../../core/errors.ts';
import { type InputFormat, readBatches } from '../../ingress/files.ts';
import { type FieldCounts, type InferredSchema, SchemaSampler } from '../../schema/declare/infer-schema.ts';
import { toJsonSchema } from '../../schema/declare/to-json-schema.ts';
import type { CliContext } from '../context.ts';
import { formatOf } from '../input-format.ts';
import { EXIT_OK } from '../program.ts';
import { type TableRow, tableText } from '../table.ts';

interface InferSettings {
  readonly format: InputFormat | undefined;
  readonly sample: number;
  readonly counts: boolean;
  readonly nested: 'struct' | 'json';
  readonly 'enum-max': number;
  readonly formats: boolean;
  readonly 'record-bytes': number;
  readonly json: boolean;
}

/** @returns rows that could not be read */
function addBatch(sampler: SchemaSampler, batch: Batch, rowsMax: number): number {
  let unread = 0;
  for (let row = 0; row < Math.min(batch.rowCount, rowsMax); row += 1) {
    try {
      sampler.add(decodeRecord(batch, row));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      unread += 1;
    }
  }
  return unread;
}

function countsRow({ name, type, records, nulls, shapes, samples, isKeyCandidate }: FieldCounts): TableRow {
  const seen = Object.entries(shapes).map(([shape, count]) => `${shape} ${count}`);
  return {
    field: name,
    type: type === '' ? '(in JSON)' : type,
    records,
    nulls,
    seen: seen.join(', '),
    key: isKeyCandidate ? 'maybe' : '',
    example: samples[0] ?? '',
  };
}

function showCounts({ fields, records }: InferredSchema, unread: number, { stderr }: CliContext): void {
  stderr.write(tableText(fields.map(countsRow), stderr.isTTY ? stderr.columns : undefined));
  stderr.write(`${records} records${unread > 0 ? `; ${unread} more could not be read` : ''}\n`);
}

/** Prints the schema of the first records of a file. @returns the exit code */
export async function inferFromFile(
  file: string,
  settings: InferSettings,
  context: CliContext,
): Promise<number> {
  const format = formatOf(file, settings.format, undefined);
  const sampler = new SchemaSampler({
    untyped: format === 'csv',
    nested: settings.nested,
    enumMax: settings['enum-max'],
    formats: settings.formats,
  });
  const input = file === '-' ? file : resolve(context.cwd, file);
  let [left, unread] = [settings.sample, 0];
  const source = { input, format, recordBytesMax: settings['record-bytes'], signal: context.signal };
  for await (const { input: batchInput } of readBatches(source)) {
    const batch = new Batch(batchInput, 'sample', framer, 0);
    unread += addBatch(sampler, batch, left);
    left -= batch.rowCount;
    if (left <= 0) break;
  }
  const inferred = sampler.result();
  const document = toJsonSchema(inferred.schema);
  if (settings.json) {
    const { fields, records } = inferred;
    context.stdout.write(`${JSON.stringify({ type: 'schema', schema: document, records, unread, fields })}\n`);
    return EXIT_OK;
  }
  if (settings.counts) showCounts(inferred, unread, context);
  context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  return EXIT_OK;
}
