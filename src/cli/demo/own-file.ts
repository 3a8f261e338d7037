/**
 * The story on a file of the user's own. Its last fifth is drifted on purpose, in a copy, and some records that are
 * not from it are mixed in; the file itself is only read.
 */
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ConfigError } from '../../core/errors.ts';
import { type FileBatch, readBatches } from '../../ingress/files.ts';
import { UsageError } from '../args.ts';
import { inferFirstSchema } from '../first-schema.ts';
import { formatBytes, formatCount } from '../format.ts';
import { formatOf, tableNameOf } from '../input-format.ts';
import { driftText, renamedColumns, strayText } from './drift.ts';
import { type DemoFormat, layItems, type PlannedFeed, planFeed, type Shares } from './plan.ts';
import type { Script } from './script.ts';
import { readRecords, type SourceRecord } from './source-records.ts';

export interface OwnFileOptions {
  /** Absolute path. */
  readonly file: string;
  readonly format: string | undefined;
  readonly out: string;
  /** Makes the output directory ready, once the input is known to be usable. */
  prepare(chains: readonly string[]): Promise<void>;
}

const RECORDS_MIN = 20;
/** Enough for a story; the rest of a larger file is left alone. */
const RECORDS_MAX = 20_000;
const BYTES_MAX = 32 * 1024 * 1024;
const BATCHES = 200;
const NAMES_SHOWN = 4;
const SAMPLE_ROWS = 2_000;
const CHAIN = 'records';
/** Renaming half of the columns stays below it, rows of which nothing fits are above it. */
const TOLERANCE = 0.9;

/**
 * @throws UsageError for a format the demo cannot read by itself, or a file with too few records
 * @throws ConfigError, InputError when the file cannot be read; SchemaError when no schema can be inferred
 */
export async function ownFileScript(options: OwnFileOptions): Promise<Script> {
  const { out, prepare } = options;
  const format = demoFormat(options.file, options.format);
  const found = await planFeed(
    {
      id: 'own',
      chain: CHAIN,
      file: options.file,
      label: basename(options.file),
      format,
      batchRows: 1,
    },
    { records: RECORDS_MAX, bytes: BYTES_MAX },
  );
  const { records } = found;
  if (records < RECORDS_MIN) {
    throw new UsageError(
      `${options.file} has ${records} records that fit into this story`,
      `Give a file with at least ${RECORDS_MIN} records, and the first of them within ${formatBytes(BYTES_MAX)}.`,
    );
  }
  const { document, records: sampled } = inferFirstSchema(await firstBatch(options.file, format), TOLERANCE);
  const sources = readSources(await readHead(found), format);
  await prepare([CHAIN]);
  const inputs = join(out, 'input');
  await mkdir(inputs, { recursive: true });
  const file = found.isWhole ? options.file : await copyHead(found, inputs);
  const batchRows = Math.ceil(records / BATCHES);
  const clean = await planFeed({ ...found, file, batchRows }, { records: Math.floor((records * 4) / 5) });
  const rest = sources.slice(clean.records, records);
  const drifted = rest.length > 0 ? [await writeCopy(clean, 'drifted', driftText(rest, format), inputs)] : [];
  const strayCount = Math.max(2, Math.ceil(records / 50));
  const strays = await writeCopy(clean, 'strays', strayText(strayCount, format), inputs);
  const feeds = [clean, ...drifted, strays];
  const schema = { name: CHAIN, dir: join(out, CHAIN), table: tableOf(file), schema: document };
  return {
    about: `${found.label}: ${found.isWhole ? 'all' : 'the first'} ${formatCount(records)} records, with a schema inferred from ${formatCount(sampled)} of them.`,
    chains: [{ ...schema, tolerance: TOLERANCE }],
    feeds,
    items: layItems(feeds, sharesOf(clean, drifted[0])),
    words: {
      clean: `The records of ${found.label}, as they are.`,
      drift: driftWords(document, format),
      foreign: `${formatCount(strays.records)} records that the demo made up are mixed in. Not one column fits: that is beyond any tolerance, so nothing is guessed.`,
    },
  };
}

function driftWords(document: object, format: DemoFormat): string {
  const { properties = {} } = document as { readonly properties?: object };
  const names = [...renamedColumns(Object.keys(properties))].map(([from, to]) => `${from} as ${to}`);
  if (names.length === 0) return 'The last fifth would be drifted, but there is no column that can be renamed.';
  const shown = names.slice(0, NAMES_SHOWN).join(', ') + (names.length > NAMES_SHOWN ? ' …' : '');
  const numbers = format === 'csv' ? '' : ', with numbers in them as text';
  return `The last fifth was drifted on purpose, in a copy: ${shown}${numbers}. Rows land under strict coercion, and every changed cell is written down.`;
}

function demoFormat(file: string, asked: string | undefined): DemoFormat {
  const format = (asked as DemoFormat | undefined) ?? formatOf(file, undefined, undefined);
  if (format === 'csv' || format === 'json' || format === 'ndjson') return format;
  throw new UsageError(
    `the demo cannot read ${format} by itself, which its proof needs`,
    'Give it a csv, json or ndjson file; "tierfall run" reads all formats.',
  );
}

async function firstBatch(input: string, format: DemoFormat): Promise<FileBatch> {
  const reading = readBatches({ input, format, batchRows: SAMPLE_ROWS, batchBytes: 8 * 1024 * 1024 });
  const first = await reading.next();
  await reading.return();
  if (!first.done) return first.value;
  throw new ConfigError('--input', `${input} has no records`, 'Give another file.');
}

/** SQLite keeps `sqlite_…` for itself. */
function tableOf(file: string): string {
  const name = tableNameOf(file);
  return /^sqlite_/i.test(name) ? `t_${name}` : name;
}

/** @throws UsageError when a plain parser cannot read the file */
function readSources(text: string, format: DemoFormat): readonly SourceRecord[] {
  try {
    return readRecords(text, format);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `the input is no plain ${format}: ${words}`,
      'The proof of the demo needs a file that JSON.parse can read, such as one array of records.',
    );
  }
}

/** The planned records as a text of their own. */
async function readHead({ file, format, batches, isWhole }: PlannedFeed): Promise<string> {
  if (isWhole) return readFile(file, 'utf8');
  const handle = await open(file);
  try {
    const bytes = Buffer.alloc(batches.at(-1)?.endOffset ?? 0);
    await handle.read(bytes, 0, bytes.length, 0);
    const text = bytes.toString('utf8');
    const isOpenArray = format === 'json' && /^\ufeff?\s*\[/.test(text);
    return isOpenArray ? `${text.replace(/[\s,]+$/, '')}]` : text;
  } finally {
    await handle.close();
  }
}

/** A file with the planned records only, at the same offsets. */
async function copyHead(feed: PlannedFeed, directory: string): Promise<string> {
  const copy = join(directory, basename(feed.file));
  await writeFile(copy, await readHead(feed));
  return copy;
}

async function writeCopy(
  { format, batchRows, chain }: PlannedFeed,
  id: string,
  content: string,
  directory: string,
): Promise<PlannedFeed> {
  const name = `${id}.${format}`;
  const file = join(directory, name);
  await writeFile(file, content);
  return planFeed({ id, chain, file, label: name, format, batchRows });
}

function sharesOf(clean: PlannedFeed, drifted: PlannedFeed | undefined): Shares {
  const [whole, late] = [clean.batches.length, drifted?.batches.length ?? 0];
  return [
    ['clean', 'own', Math.round(whole * 0.3)],
    ['drift', 'drifted', Math.round(late * 0.4)],
    ['foreign', 'strays', 'rest'],
    ['outage', 'own', Math.round(whole * 0.35)],
    ['outage', 'drifted', Math.round(late * 0.3)],
    ['back', 'own', 'rest'],
    ['back', 'drifted', 'rest'],
  ];
}
