import { type Backlog, openBacklog } from '../../assembly/backlog.ts';
import { objectSettings } from '../../assembly/object-settings.ts';
import type { QuarantineSelection } from '../../reconcile/quarantine.ts';
import { defineCommand, UsageError } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { openMachine } from '../machine.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS } from '../shared-options.ts';
import type { Terminal } from '../terminal.ts';

const { config, dir, store, queue, keys } = PIPELINE_OPTIONS;
const ACTIONS = ['list', 'show', 'release', 'discard'] as const;
const OPTIONS = {
  config,
  dir,
  store,
  queue,
  keys,
  reason: { type: 'text', placeholder: 'REASON', description: 'Only rows with this reason.' },
  limit: { type: 'integer', placeholder: 'N', default: '50', min: 1, description: 'Rows to list.' },
  all: { type: 'flag', description: 'Release or discard every row (with --reason: every such row).' },
  'dry-run': { type: 'flag', description: 'Say which rows it would be, and change nothing.' },
  ...OUTPUT_OPTIONS,
} as const;

/** `tierfall quarantine list|show|release|discard`: rows that replay could not land. */
export const quarantineCommand = defineCommand(
  {
    name: 'quarantine',
    summary: 'List, show, release or discard records that replay could not land.',
    description: [
      'Each row keeps its original bytes, the reason, and the words of the sink. A released row is replayed again; a discarded one stays counted in the ledger.',
    ],
    positionals: [
      { name: 'action', description: ACTIONS.join(', ') },
      { name: 'id', description: 'Rows, as listed.', required: false, many: true },
    ],
    options: OPTIONS,
    examples: [
      { command: 'tierfall quarantine list --reason refused', description: 'What the sink refused, and why' },
      { command: 'tierfall quarantine show 3f2a…', description: 'One row with its original bytes' },
      {
        command: 'tierfall quarantine release --reason refused --all --dry-run',
        description: 'What a bulk release would do',
      },
    ],
  },
  async ({ options, positionals }, context: CliContext) => {
    const [action = '', ...ids] = positionals;
    if (!ACTIONS.some((known) => known === action)) {
      throw new UsageError(`quarantine cannot ${JSON.stringify(action)}`, `It can ${ACTIONS.join(', ')}.`);
    }
    const terminal = terminalOf(context, options.json);
    const pipeline = await resolvePipeline(options, context.cwd);
    await requireDirectory(pipeline);
    const settings = await objectSettings(pipeline.objects);
    const machine = openMachine(context, pipeline.chain, 'error');
    const backlog = await openBacklog({ ...pipeline, ...settings }, machine);
    try {
      if (action === 'list') return await list(backlog, options.reason, options.limit, terminal);
      if (action === 'show') return await show(backlog, ids, terminal, options.json, context);
      return await decide(
        backlog,
        action as 'release' | 'discard',
        select(action, ids, options),
        options['dry-run'],
        terminal,
      );
    } finally {
      await backlog.close();
    }
  },
);

async function list(
  backlog: Backlog,
  reason: string | undefined,
  limit: number,
  terminal: Terminal,
): Promise<number> {
  const rows = await backlog.quarantine.list({ limit, ...(reason === undefined ? {} : { reason }) });
  if (rows.length === 0) {
    terminal.note('The quarantine is empty.');
    return 0;
  }
  terminal.table(
    rows.map((row) => ({ id: row.id, reason: row.reason, attempts: row.attempts, detail: row.detail ?? '' })),
  );
  return 0;
}

async function show(
  backlog: Backlog,
  ids: readonly string[],
  terminal: Terminal,
  json: boolean,
  context: CliContext,
): Promise<number> {
  if (ids.length === 0) throw new UsageError('show needs the id of a row', 'Run "tierfall quarantine list".');
  for (const id of ids) {
    const row = await backlog.quarantine.get(id);
    if (!row) throw new UsageError(`there is no row ${JSON.stringify(id)}`, 'Run "tierfall quarantine list".');
    const { body, ...facts } = row;
    const text = new TextDecoder().decode(body);
    if (json) context.stdout.write(`${JSON.stringify({ ...facts, body: text })}\n`);
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

interface Selecting {
  readonly all: boolean;
  readonly reason: string | undefined;
}

function select(action: string, ids: readonly string[], { all, reason }: Selecting): QuarantineSelection {
  if (ids.length > 0 && !all && reason === undefined) return ids;
  if (ids.length === 0 && all) return reason === undefined ? {} : { reason };
  throw new UsageError(
    `${action} needs ids, or --all (with --reason for some)`,
    'Try it with --dry-run first.',
  );
}

async function decide(
  backlog: Backlog,
  action: 'release' | 'discard',
  selection: QuarantineSelection,
  dryRun: boolean,
  terminal: Terminal,
): Promise<number> {
  const ids = await backlog.quarantine[action](selection, { dryRun });
  const done = action === 'release' ? 'released' : 'discarded';
  terminal.note(
    dryRun ? `${ids.length} rows would be ${done}; nothing was changed.` : `${ids.length} rows ${done}.`,
  );
  if (dryRun) terminal.table(ids.map((id) => ({ id })));
  else if (action === 'release' && ids.length > 0) terminal.note('Replay them now with "tierfall reconcile".');
  return 0;
}
