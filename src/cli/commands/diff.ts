import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import { ConfigError } from '../../core/errors.ts';
import { diffSources, type SourceDiffReport, traitsOf } from '../../diff/diff-sources.ts';
import type { RecordSource } from '../../diff/record-source.ts';
import type { DiffMode } from '../../diff/row-identity.ts';
import { parseRules } from '../../diff/rules.ts';
import { spillTo } from '../../diff/spill.ts';
import { nodeFileSystem } from '../../platform/node-file-system.ts';
import { defineCommand, type Invocation, UsageError } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { changeLine, reportLine } from '../diff-json.ts';
import { listing, showCell } from '../diff-listing.ts';
import { renderDiffPage } from '../diff-report.ts';
import { DIFF_FORMATS, openDiffSide } from '../diff-side.ts';
import { formatCount } from '../format.ts';
import { EXIT_OK, explainError } from '../program.ts';
import { OUTPUT_OPTIONS, RECORD_BYTES_OPTION } from '../shared-options.ts';
import type { Terminal } from '../terminal.ts';

/** As with diff(1): 0 equal, 1 different, 2 trouble. */
const EXIT_DIFFERENT = 1;
const EXIT_TROUBLE = 2;

const OPTIONS = {
  key: {
    type: 'text',
    short: 'k',
    placeholder: 'FIELD,…',
    many: true,
    description: 'Fields that tell which rows are the same record.',
  },
  'in-order': { type: 'flag', description: 'Compare row n with row n.' },
  tolerance: {
    type: 'text',
    short: 't',
    placeholder: 'FIELD=RULE',
    many: true,
    description:
      'What else counts as the same: 0.01, 1e-6r (relative), 1s or 1ms (times), epoch-ms (numbers are times), nfc, null-absent, spelled (text is the number, boolean or JSON that it spells); FIELD may be a path such as meta.rssi, or * for all fields, whose tolerances are none for keys',
  },
  ignore: { type: 'text', placeholder: 'FIELD', many: true, description: 'A field or path to leave out.' },
  format: {
    type: 'text',
    placeholder: 'FORMAT',
    choices: DIFF_FORMATS,
    description: 'Format of both. Default: by the ending of each name.',
  },
  limit: {
    type: 'integer',
    placeholder: 'N',
    default: '10',
    description: 'Changes of each kind to show; the JSON lines are always all.',
  },
  html: { type: 'text', placeholder: 'FILE', description: 'Also write a report for a browser.' },
  memory: {
    type: 'bytes',
    placeholder: 'SIZE',
    default: '64MiB',
    min: 1,
    description:
      'Input that may be in memory at once, of columns on both sides eight times as much unless compared as a whole; more goes through a temporary directory.',
  },
  'record-bytes': { ...RECORD_BYTES_OPTION, description: 'Longest record that is read.' },
  ...OUTPUT_OPTIONS,
} as const;

type DiffInvocation = Invocation<typeof OPTIONS>;

function modeOf({ options }: DiffInvocation): DiffMode {
  const fields = options.key.flatMap((text) => text.split(','));
  if (fields.includes('')) throw new ConfigError('--key', 'a name is empty', 'For example --key id,time.');
  if (fields.length > 0 && options['in-order'])
    throw new UsageError('--key and --in-order exclude each other', 'Give one of them.');
  if (options['in-order']) return 'order';
  return fields.length > 0 ? fields : 'content';
}

function describe(mode: DiffMode): string {
  if (mode === 'order') return 'Row n was compared with row n.';
  if (mode === 'content') return 'Without a key: rows are in both, in any order, or they are not.';
  return `Rows are the same record when ${mode.join(', ')} ${mode.length > 1 ? 'are' : 'is'} the same.`;
}

/** `tierfall diff`: what differs between two files of records. */
export const diffCommand = defineCommand(
  {
    name: 'diff',
    summary: 'Compare two files of records, of any formats, by key.',
    description: [
      'Exit code 0 when they are equal, 1 when they differ, 2 when they could not be compared, as with diff(1).',
      'The order of fields means nothing, 1 is 1.0, and integers are exact whatever their size. In CSV, text is what it spells. Null is not absent, unless one side is a table (CSV, Arrow, Parquet), where nothing can be absent. Without --key, rows are compared as a whole and in any order.',
      'Numbers are the decimals that they are written as: 0.10000000000000001, as C and printf("%.17g") write the double 0.1, is another number than 0.1. Give --tolerance "*=1e-15r" for files of such writers, with --key or --in-order. Whole numbers from 1000000000000000 on are then the same as their neighbours, so name the fields of measurements instead of * where others hold ids.',
    ],
    positionals: [
      { name: 'A', description: 'What was: a file, or - for standard input.' },
      { name: 'B', description: 'What is.' },
    ],
    options: OPTIONS,
    examples: [
      {
        command: 'tierfall diff before.ndjson after.parquet --key id',
        description: 'What was added, removed and changed',
      },
      {
        command: 'tierfall diff a.csv b.csv -k host,nr -t load=0.01 --html diff.html',
        description: 'With tolerances, and a report to send on',
      },
    ],
  },
  async (invocation, context: CliContext) => {
    // Before the work begins, a wrong setting ends in the usual way; after that, trouble is 2 and never "different".
    const mode = modeOf(invocation);
    parseRules(invocation.options.tolerance, invocation.options.ignore);
    try {
      return await compare(invocation, mode, context);
    } catch (error) {
      context.stderr.write(explainError('tierfall', error));
      return EXIT_TROUBLE;
    }
  },
);

async function compare(invocation: DiffInvocation, mode: DiffMode, context: CliContext): Promise<number> {
  const { options, positionals } = invocation;
  const [nameA = '', nameB = ''] = positionals;
  if (nameA === '-' && nameB === '-')
    throw new UsageError('standard input can be only one of both', 'Name a file for the other.');
  const terminal = terminalOf(context, options.json);
  const opening = {
    cwd: context.cwd,
    signal: context.signal,
    format: options.format,
    recordBytesMax: options['record-bytes'],
  };
  const [a, b] = [await openDiffSide(nameA, opening), await openDiffSide(nameB, opening)];
  const report = await withSpill((directory) => runDiff(a, b, mode, directory, invocation, context, terminal));
  const keyFields = typeof mode === 'string' ? [] : mode;
  if (options.html !== undefined) {
    const page = renderDiffPage({ a: nameA, b: nameB, report, keyFields, method: describe(mode) });
    await writeFile(resolve(context.cwd, options.html), page);
  }
  if (options.json) context.stdout.write(reportLine(report));
  else show(report, keyFields, context, terminal);
  if (report.undecodable.a + report.undecodable.b > 0) return EXIT_TROUBLE;
  return report.isEqual ? EXIT_OK : EXIT_DIFFERENT;
}

/** Waits for a reader that is slower than the comparison, so that lines do not pile up. */
function writeAll(stdout: CliContext['stdout'], text: string): Promise<void> | undefined {
  const isTaken = stdout.write(text) !== false;
  if (isTaken || !(stdout instanceof Writable)) return undefined;
  return once(stdout, 'drain').then(() => undefined);
}

/** A directory that is there while it is needed. */
async function withSpill<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = join(tmpdir(), `tierfall-diff-${randomUUID()}`);
  await mkdir(directory, { mode: 0o700 });
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runDiff(
  a: RecordSource,
  b: RecordSource,
  mode: DiffMode,
  directory: string,
  { options }: DiffInvocation,
  { stdout, signal }: CliContext,
  terminal: Terminal,
): Promise<SourceDiffReport> {
  const progress = terminal.progress('rows read', { unit: 'rows' });
  try {
    return await diffSources(a, b, {
      key: mode,
      rules: parseRules(options.tolerance, options.ignore, traitsOf(a, b)),
      memoryBytes: options.memory,
      samplesMax: options.limit,
      openSpill: spillTo(nodeFileSystem, directory),
      yieldToLoop,
      signal,
      onChange: options.json ? (change) => writeAll(stdout, changeLine(change)) : undefined,
      onProgress: (read, compared) => progress.update(read, compared > 0 ? { compared } : {}),
    });
  } finally {
    progress.finish();
  }
}

function show(
  report: SourceDiffReport,
  keyFields: readonly string[],
  { stdout, env }: CliContext,
  terminal: Terminal,
): void {
  const { rowsA, rowsB, equal, changed, removed, added, fields, duplicates, undecodable } = report;
  const isTty = stdout.isTTY === true && env['TERM'] !== 'dumb';
  const hasColor = isTty && (env['NO_COLOR'] ?? '') === '';
  stdout.write(
    listing(report, { hasColor, columns: isTty ? stdout.columns || undefined : undefined, keyFields }),
  );
  terminal.table([{ 'rows A': rowsA, 'rows B': rowsB, equal, changed, removed, added }], 'Rows');
  if (fields.length > 0)
    terminal.table(
      fields.slice(0, 20).map((field) => ({ field: field.field, changed: field.changed })),
      'Changed cells by field',
    );
  if (duplicates.a + duplicates.b > 0) {
    const keys = duplicates.samples.slice(0, 3).map((key) => key.map(showCell).join(','));
    terminal.note(
      `Duplicate keys: ${formatCount(duplicates.a)} rows of A, ${formatCount(duplicates.b)} of B, such as ${keys.join('; ')}.`,
    );
  }
  for (const sample of undecodable.samples) terminal.note(`Not compared: ${sample}`);
  const bad = undecodable.a + undecodable.b;
  if (bad > 0) terminal.verdict(false, `${formatCount(bad)} rows are not their format and were not compared.`);
  else terminal.verdict(report.isEqual, report.isEqual ? 'Equal.' : 'Different.');
}
