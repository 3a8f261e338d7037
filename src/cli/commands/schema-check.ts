/** `tierfall schema check`. */
import { resolve } from 'node:path';
import { framer } from '../../codecs/codecs.ts';
import { Batch } from '../../core/batch.ts';
import { type InputFormat, readBatches } from '../../ingress/files.ts';
import { compileSchema } from '../../schema/compile-schema.ts';
import { detectDrift } from '../../schema/drift/detect-drift.ts';
import {
  type DriftEntry,
  type DriftReport,
  emptyDrift,
  mergeDrift,
  partOf,
} from '../../schema/drift/drift-report.ts';
import { percent } from '../../schema/drift/drift-words.ts';
import { UsageError } from '../args.ts';
import type { CliContext } from '../context.ts';
import { formatCount } from '../format.ts';
import { formatOf } from '../input-format.ts';
import { placedSamples } from '../placed-samples.ts';
import { EXIT_FAILED, EXIT_OK } from '../program.ts';
import { namingFile, readSchemaFile } from '../schema-file.ts';
import type { TableRow } from '../table.ts';
import type { Terminal } from '../terminal.ts';

interface CheckSettings {
  readonly schema: string | undefined;
  readonly format: InputFormat | undefined;
  readonly 'record-bytes': number;
  readonly json: boolean;
}

function entryRow(entry: DriftEntry, cells: ReadonlyMap<string, number>): TableRow {
  const [sample] = entry.samples;
  const total = entry.isDeclared ? cells.get(entry.field) : undefined;
  return {
    field: entry.field,
    mismatch: entry.kind,
    cells: entry.count,
    'of field': total === undefined ? '' : percent(partOf(entry.count, total)),
    record: sample === undefined ? undefined : sample.row + 1,
    example: sample?.value ?? '',
  };
}

function showDrift(report: DriftReport, terminal: Terminal): void {
  const { entries, fields, rows, cells, mismatched, divergence, undecodable } = report;
  const byField = new Map(fields.map((field) => [field.field, field.cells]));
  const sorted = [...entries].sort((a, b) => b.count - a.count);
  if (sorted.length > 0)
    terminal.table(
      sorted.map((entry) => entryRow(entry, byField)),
      'Drift',
    );
  const unread = undecodable > 0 ? `; ${formatCount(undecodable)} more could not be read` : '';
  const words =
    mismatched === 0
      ? `all ${formatCount(cells)} cells of ${formatCount(rows)} records conform${unread}`
      : `${formatCount(mismatched)} of ${formatCount(cells)} cells in ${formatCount(rows)} records differ (${percent(divergence)})${unread}`;
  terminal.verdict(mismatched === 0 && undecodable === 0, words);
}

/** Holds every record of a file against a schema. @returns the exit code: 1 when something differs */
export async function checkFile(
  file: string,
  settings: CheckSettings,
  terminal: Terminal,
  context: CliContext,
): Promise<number> {
  if (settings.schema === undefined)
    throw new UsageError('schema check needs --schema FILE', 'Make one with "tierfall schema infer".');
  const format = formatOf(file, settings.format, undefined);
  const path = resolve(context.cwd, settings.schema);
  const declared = await readSchemaFile(path, '--schema');
  const schema = namingFile(path, '--schema', () => compileSchema(declared));
  const { signal } = context;
  const input = file === '-' ? file : resolve(context.cwd, file);
  const progress = terminal.progress('records checked', { unit: 'records' });
  let report = emptyDrift;
  let seen = 0;
  for await (const { input: batchInput } of readBatches({
    input,
    format,
    recordBytesMax: settings['record-bytes'],
    signal,
  })) {
    const batch = new Batch(batchInput, 'check', framer, 0);
    const found = await detectDrift(batch, schema, { signal });
    report = mergeDrift(report, { ...found, entries: placedSamples(found.entries, seen) });
    seen += batch.rowCount;
    progress.update(seen);
  }
  progress.finish();
  if (settings.json) context.stdout.write(`${JSON.stringify({ type: 'drift', ...report })}\n`);
  else showDrift(report, terminal);
  return report.mismatched === 0 && report.undecodable === 0 ? EXIT_OK : EXIT_FAILED;
}
