/**
 * The story on a file of the user's own. Its last fifth is drifted on purpose, in a copy, and some records that are
 * not from it are mixed in; the file itself is only read.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ConfigError } from '../../core/errors.ts';
import { type FileBatch, readBatches } from '../../ingress/files.ts';
import { UsageError } from '../args.ts';
import { inferFirstSchema } from '../first-schema.ts';
import { formatOf, tableNameOf } from '../input-format.ts';
import { driftText, renamedColumns, strayText } from './drift.ts';
import { type DemoFormat, layItems, type PlannedFeed, planFeed, type Shares } from './plan.ts';
import type { Script } from './script.ts';
import { readRecords } from './source-records.ts';

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
const BATCHES = 200;
const SAMPLE_ROWS = 2_000;
const CHAIN = 'records';
/** Renaming half of the columns stays below it, rows of which nothing fits are above it. */
const TOLERANCE = 0.9;

/**
 * @throws UsageError for a format the demo cannot read by itself, or a file with too few records
 * @throws ConfigError, InputError when the file cannot be read; SchemaError when no schema can be inferred
 */
export async function ownFileScript({ file, format: asked, out, prepare }: OwnFileOptions): Promise<Script> {
  const format = demoFormat(file, asked);
  const whole = await planFeed(
    { id: 'own', chain: CHAIN, file, label: basename(file), format, batchRows: 1 },
    RECORDS_MAX,
  );
  const { records } = whole;
  if (records < RECORDS_MIN) {
    throw new UsageError(
      `${file} has ${records} records, which is too few for a story`,
      `Give a file with at least ${RECORDS_MIN} records.`,
    );
  }
  const { document, records: sampled } = inferFirstSchema(await firstBatch(file, format));
  await prepare([CHAIN]);
  const batchRows = Math.ceil(records / BATCHES);
  const clean = await planFeed({ ...whole, batchRows }, Math.floor((records * 4) / 5));
  const { drifted, strays } = await makeCopies(clean, records, join(out, 'input'));
  const feeds = [clean, ...(drifted ? [drifted] : []), strays];
  const renamed = Object.keys((document as { readonly properties: object }).properties);
  const names = [...renamedColumns(renamed)].map(([from, to]) => `${from} as ${to}`);
  return {
    about: `${basename(file)}: ${records} records${records === RECORDS_MAX ? ' (the first ones)' : ''}; schema inferred from the first ${sampled}.`,
    chains: [
      { name: CHAIN, dir: join(out, CHAIN), table: tableOf(file), schema: document, tolerance: TOLERANCE },
    ],
    feeds,
    items: layItems(feeds, sharesOf(clean, drifted)),
    words: {
      clean: `The records of ${basename(file)}, as they are.`,
      drift: `The last fifth was drifted on purpose, in a copy: ${names.length === 0 ? 'no column can be renamed' : names.slice(0, 4).join(', ')}${format === 'csv' ? '' : ', with numbers in them as text'}. Rows land under strict coercion, and every changed cell is written down.`,
      foreign: `${strays.records} records that the demo made up are mixed in. Not one column fits: that is beyond any tolerance, so nothing is guessed.`,
    },
  };
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

interface Copies {
  readonly drifted: PlannedFeed | undefined;
  readonly strays: PlannedFeed;
}

/** Writes what comes after the clean records, drifted, and some records of another kind. */
async function makeCopies(clean: PlannedFeed, recordsMax: number, directory: string): Promise<Copies> {
  const { format, batchRows, chain, file } = clean;
  await mkdir(directory, { recursive: true });
  const text = await readFile(file, 'utf8');
  const rest = readRecords(text, format).slice(clean.records, recordsMax);
  const write = async (id: string, content: string): Promise<PlannedFeed> => {
    const copy = join(directory, `${id}.${format}`);
    await writeFile(copy, content);
    return planFeed({ id, chain, file: copy, label: `${id}.${format}`, format, batchRows });
  };
  const strayCount = Math.max(2, Math.ceil(recordsMax / 50));
  return {
    drifted: rest.length === 0 ? undefined : await write('drifted', driftText(rest, format)),
    strays: await write('strays', strayText(strayCount, format)),
  };
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
