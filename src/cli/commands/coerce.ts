import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { framer } from '../../codecs/codecs.ts';
import { recordLines } from '../../codecs/record-lines.ts';
import { type RowJoiner, rowJoiner } from '../../codecs/row-joiner.ts';
import { Batch } from '../../core/batch.ts';
import { emptyLoss, type LossReport, mergeLoss } from '../../core/loss.ts';
import { readBatches } from '../../ingress/files.ts';
import { compileSchema } from '../../schema/compile-schema.ts';
import { lossTable } from '../../schema/loss/loss-table.ts';
import { defineCommand, UsageError } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { formatCount } from '../format.ts';
import { formatOf } from '../input-format.ts';
import { placedSamples } from '../placed-samples.ts';
import { EXIT_FAILED, EXIT_OK } from '../program.ts';
import { namingFile, readSchemaFile } from '../schema-file.ts';
import { FORMAT_OPTION, OUTPUT_OPTIONS, RECORD_BYTES_OPTION } from '../shared-options.ts';

/** Small enough that records go out while others are still read. */
const BATCH_BYTES = 1024 * 1024;

interface Tally {
  loss: LossReport;
  records: number;
  landed: number;
  changed: number;
  /** What is wrong with the first rows that were refused. */
  readonly words: string[];
}

const WORDS_MAX = 3;

function placedAt(loss: LossReport, firstRow: number): LossReport {
  const refused = loss.refused ? { refused: placedSamples(loss.refused, firstRow) } : {};
  return { ...loss, entries: placedSamples(loss.entries, firstRow), ...refused };
}

/** `tierfall coerce FILE --schema S`: what the coercing tier would make of a file, without a sink. */
export const coerceCommand = defineCommand(
  {
    name: 'coerce',
    summary: 'Coerce the records of a file to a schema, every loss written down.',
    description: [
      'Writes the records that land, as NDJSON, to standard output. Records that cannot be coerced honestly are refused: they are counted, and kept byte for byte with --refused. Exits 1 when some were.',
    ],
    positionals: [{ name: 'file', description: 'A file of records, or - for standard input.' }],
    options: {
      format: FORMAT_OPTION,
      'record-bytes': RECORD_BYTES_OPTION,
      schema: { type: 'text', placeholder: 'FILE', required: true, description: 'JSON Schema to coerce to.' },
      report: { type: 'flag', description: 'Show what changed, by field and kind, on standard error.' },
      refused: {
        type: 'text',
        placeholder: 'FILE',
        description: 'Keep refused records here, untouched, in their format; those of Parquet as NDJSON.',
      },
      ...OUTPUT_OPTIONS,
    },
    examples: [
      {
        command: 'tierfall coerce events.ndjson --schema v1.json --report > clean.ndjson',
        description: 'See what changes, and keep what lands',
      },
    ],
  },
  async ({ options, positionals }, context: CliContext) => {
    const [file = '', extra] = positionals;
    if (extra !== undefined) throw new UsageError('coerce takes one file', 'Run "tierfall coerce --help".');
    const terminal = terminalOf(context, options.json);
    const format = formatOf(file, options.format, undefined);
    const path = resolve(context.cwd, options.schema);
    const declared = await readSchemaFile(path, '--schema');
    const schema = namingFile(path, '--schema', () => compileSchema(declared));
    const refused =
      options.refused === undefined ? undefined : await open(resolve(context.cwd, options.refused), 'w');
    const tally: Tally = { loss: emptyLoss, records: 0, landed: 0, changed: 0, words: [] };
    let joiner: RowJoiner | undefined;
    const progress = terminal.progress('records coerced', { unit: 'records' });
    const input = file === '-' ? file : resolve(context.cwd, file);
    try {
      const recordBytesMax = options['record-bytes'];
      const source = { input, format, batchBytes: BATCH_BYTES, recordBytesMax, signal: context.signal };
      for await (const { input: batchInput } of readBatches(source)) {
        const batch = new Batch(batchInput, 'coerce', framer, 0);
        const { columns, loss, residue, degradedRows } = await schema.coerce(batch, 'all');
        context.stdout.write(recordLines(columns));
        for (const { detail } of residue)
          if (tally.words.length < WORDS_MAX && detail !== undefined) tally.words.push(detail);
        joiner ??= rowJoiner(batch.format);
        await refused?.write(
          joiner.add(
            batch,
            residue.map(({ rows }) => rows),
          ),
        );
        tally.loss = mergeLoss(tally.loss, placedAt(loss, tally.records));
        tally.records += batch.rowCount;
        tally.landed += columns.rows.length;
        tally.changed += degradedRows.length;
        progress.update(tally.records);
      }
      if (joiner) await refused?.write(joiner.end());
    } finally {
      await refused?.close();
    }
    progress.finish();
    tell(tally, options, context);
    return tally.landed === tally.records ? EXIT_OK : EXIT_FAILED;
  },
);

function tell(
  { loss, records, landed, changed, words }: Tally,
  { json, report }: { readonly json: boolean; readonly report: boolean },
  { stderr }: CliContext,
): void {
  const refused = records - landed;
  if (json) {
    stderr.write(`${JSON.stringify({ type: 'coerce', records, landed, changed, refused, loss })}\n`);
    return;
  }
  if (report) stderr.write(`${lossTable(loss)}\n`);
  const counts = `${formatCount(landed)} of ${formatCount(records)} records land, ${formatCount(changed)} of them changed`;
  stderr.write(`${counts}${refused > 0 ? `; ${formatCount(refused)} refused` : ''}\n`);
  for (const each of words) stderr.write(`  ${each}\n`);
}
