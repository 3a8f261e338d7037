import { open, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Backlog, openBacklog } from '../../assembly/backlog.ts';
import { objectSettings } from '../../assembly/object-settings.ts';
import { ConfigError } from '../../core/errors.ts';
import type { QuarantineFilter, QuarantineSelection } from '../../reconcile/quarantine.ts';
import { defineCommand, type Invocation, UsageError } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { openMachine } from '../machine.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { EXPORT_FORMATS, exportRows } from '../quarantine-export.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS } from '../shared-options.ts';
import { SINCE_OPTION, sinceOf } from '../since.ts';
import type { Terminal } from '../terminal.ts';

const { config, dir, store, queue, keys } = PIPELINE_OPTIONS;
const ACTIONS = ['list', 'show', 'export', 'release', 'discard'] as const;
const OPTIONS = {
  config,
  dir,
  store,
  queue,
  keys,
  reason: { type: 'text', placeholder: 'REASON', description: 'Only rows with this reason.' },
  key: { type: 'text', placeholder: 'KEY', description: 'Only rows of batches with this ordering key.' },
  ref: { type: 'text', placeholder: 'OBJECT', description: 'Only rows of this object of the store.' },
  since: { ...SINCE_OPTION, description: `${SINCE_OPTION.description} By when they were quarantined.` },
  limit: { type: 'integer', placeholder: 'N', default: '50', min: 1, description: 'Rows to list.' },
  all: { type: 'flag', description: 'Release or discard every row; with filters, every row they choose.' },
  format: {
    type: 'text',
    placeholder: 'FORMAT',
    choices: EXPORT_FORMATS,
    default: 'facts',
    description:
      'Of an export: a line of JSON per row with all that is known and the bytes in base64, or the bytes as a body of their own format.',
  },
  'dry-run': { type: 'flag', description: 'Say which rows it would be, and change nothing.' },
  ...OUTPUT_OPTIONS,
} as const;

type Options = Invocation<typeof OPTIONS>['options'];

interface Scene {
  readonly backlog: Backlog;
  readonly options: Options;
  readonly filter: QuarantineFilter;
  readonly terminal: Terminal;
  readonly context: CliContext;
}

/** `tierfall quarantine list|show|export|release|discard`: rows that replay could not land. */
export const quarantineCommand = defineCommand(
  {
    name: 'quarantine',
    summary: 'List, show, export, release or discard records that replay could not land.',
    description: [
      'Each row keeps its original bytes, the reason, and the words of the sink. A released row is replayed again; a discarded one stays counted in the ledger. An export writes to a file that is not there yet, readable by you alone, or to standard output as -; it changes nothing.',
    ],
    positionals: [
      { name: 'action', description: ACTIONS.join(', ') },
      {
        name: 'id',
        description: 'Rows, as listed; of an export, the file first.',
        required: false,
        many: true,
      },
    ],
    options: OPTIONS,
    examples: [
      {
        command: 'tierfall quarantine list --reason refused --since 24h',
        description: 'What the sink refused today',
      },
      { command: 'tierfall quarantine show 3f2a…', description: 'One row with its original bytes' },
      {
        command: 'tierfall quarantine export bad.ndjson --reason refused --format own',
        description: 'Their bytes, to be mended and run again',
      },
      {
        command: 'tierfall quarantine release --reason refused --all --dry-run',
        description: 'What a bulk release would do',
      },
    ],
  },
  async ({ options, positionals }, context: CliContext) => {
    const [action = '', ...rest] = positionals;
    if (!ACTIONS.some((known) => known === action)) {
      throw new UsageError(`quarantine cannot ${JSON.stringify(action)}`, `It can ${ACTIONS.join(', ')}.`);
    }
    const filter = filterOf(options, context);
    const terminal = terminalOf(context, options.json);
    const pipeline = await resolvePipeline(options, context.cwd);
    await requireDirectory(pipeline);
    const settings = await objectSettings(pipeline.objects);
    const machine = openMachine(context, pipeline.chain, 'error');
    const backlog = await openBacklog({ ...pipeline, ...settings }, machine);
    const scene = { backlog, options, filter, terminal, context };
    try {
      if (action === 'list') return await list(scene);
      if (action === 'show') return await show(rest, scene);
      if (action === 'export') return await exportTo(rest, scene);
      return await decide(action as 'release' | 'discard', select(action, rest, scene), scene);
    } finally {
      await backlog.close();
    }
  },
);

function filterOf({ reason, key, ref, since }: Options, { clock }: CliContext): QuarantineFilter {
  const from = sinceOf(since, clock.wallNow());
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(key === undefined ? {} : { orderingKey: key }),
    ...(ref === undefined ? {} : { ref }),
    ...(from === undefined ? {} : { since: from }),
  };
}

async function list({ backlog, options, filter, terminal }: Scene): Promise<number> {
  const rows = await backlog.quarantine.list({ limit: options.limit, ...filter });
  if (rows.length === 0) {
    terminal.note(isEmpty(filter) ? 'The quarantine is empty.' : 'No such rows are in quarantine.');
    return 0;
  }
  terminal.table(
    rows.map((row) => ({ id: row.id, reason: row.reason, attempts: row.attempts, detail: row.detail ?? '' })),
  );
  return 0;
}

async function show(ids: readonly string[], { backlog, options, terminal, context }: Scene): Promise<number> {
  if (ids.length === 0) throw new UsageError('show needs the id of a row', 'Run "tierfall quarantine list".');
  for (const id of ids) {
    const row = await backlog.quarantine.get(id);
    if (!row) throw new UsageError(`there is no row ${JSON.stringify(id)}`, 'Run "tierfall quarantine list".');
    const { body, ...facts } = row;
    const text = new TextDecoder().decode(body);
    if (options.json) context.stdout.write(`${JSON.stringify({ ...facts, body: text })}\n`);
    else {
      terminal.table(
        Object.entries(facts).map(([fact, value]) => ({
          fact,
          value: typeof value === 'object' ? JSON.stringify(value) : String(value),
        })),
      );
      terminal.note(`\n${text}`);
    }
  }
  return 0;
}

function isEmpty(filter: QuarantineFilter): boolean {
  return Object.keys(filter).length === 0;
}

function select(action: string, ids: readonly string[], { options, filter }: Scene): QuarantineSelection {
  if (ids.length > 0 && !options.all && isEmpty(filter)) return ids;
  if (ids.length === 0 && options.all) return filter;
  throw new UsageError(
    `${action} needs ids, or --all (with --reason, --key, --ref or --since for some)`,
    'Try it with --dry-run first.',
  );
}

async function exportTo([target, ...ids]: readonly string[], scene: Scene): Promise<number> {
  const { backlog, options, filter, terminal, context } = scene;
  if (target === undefined) throw new UsageError('export needs a file', 'Name one, or - for standard output.');
  if (ids.length > 0 && !isEmpty(filter)) throw new UsageError('export takes ids or filters', 'Leave out one.');
  const rows = backlog.quarantine.read(ids.length > 0 ? ids : filter);
  let count = 0;
  async function* counted() {
    for await (const row of rows) {
      count += 1;
      yield row;
    }
  }
  const bytes = exportRows(counted(), options.format);
  if (options['dry-run']) {
    for await (const _ of bytes);
    terminal.note(`${count} rows would be exported; nothing was written.`);
  } else if (target === '-') {
    for await (const chunk of bytes) context.stdout.write(textOf(chunk));
  } else {
    await writeNew(resolve(context.cwd, target), bytes);
    terminal.note(`${count} rows exported to ${target}; they stay in quarantine.`);
  }
  return 0;
}

/** @throws ConfigError for bytes that text would change */
function textOf(chunk: Uint8Array): string {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(chunk);
  if (Buffer.compare(Buffer.from(text), chunk) === 0) return text;
  throw new ConfigError('export', 'found bytes that are not UTF-8', 'Name a file, or use --format facts.');
}

/** Whole or not at all. @throws ConfigError when the file exists or cannot be written */
async function writeNew(file: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const opened = await open(file, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    const found = cause.code === 'EEXIST' ? 'exists already' : `cannot be written (${cause.code})`;
    throw new ConfigError('export', `${file} ${found}`, 'Name a file that is not there yet.', cause);
  });
  try {
    for await (const chunk of bytes) await opened.writeFile(chunk);
    await opened.sync();
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await opened.close();
  }
}

async function decide(
  action: 'release' | 'discard',
  selection: QuarantineSelection,
  { backlog, options, terminal }: Scene,
): Promise<number> {
  const dryRun = options['dry-run'];
  const ids = await backlog.quarantine[action](selection, { dryRun });
  const done = action === 'release' ? 'released' : 'discarded';
  terminal.note(
    dryRun ? `${ids.length} rows would be ${done}; nothing was changed.` : `${ids.length} rows ${done}.`,
  );
  if (dryRun) terminal.table(ids.map((id) => ({ id })));
  else if (action === 'release' && ids.length > 0) terminal.note('Replay them now with "tierfall reconcile".');
  return 0;
}
