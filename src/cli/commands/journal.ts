import { dataDirectory } from '../../assembly/data-directory.ts';
import type { KeyRing } from '../../core/key-ring.ts';
import { ownerOf } from '../../journal/lock.ts';
import { openSegmentJournal } from '../../journal/segment-journal.ts';
import type { Gap } from '../../journal/segment-scan.ts';
import {
  byPriority,
  type JournalSurvey,
  readSurveyed,
  type SegmentSurvey,
  surveyJournal,
  type UnreadableEntry,
  type UnreadableSpan,
} from '../../journal/survey.ts';
import { defineCommand, UsageError } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { type CliMachine, openMachine } from '../machine.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { EXIT_FAILED, EXIT_OK } from '../program.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS } from '../shared-options.ts';
import type { Terminal } from '../terminal.ts';

const { config, dir } = PIPELINE_OPTIONS;
const ACTIONS = ['inspect', 'verify', 'export', 'repair'] as const;
type Action = (typeof ACTIONS)[number];

interface Scene {
  readonly directory: string;
  readonly chain: string;
  readonly machine: CliMachine;
  readonly terminal: Terminal;
  readonly context: CliContext;
  readonly keys: KeyRing | undefined;
  readonly after: number | undefined;
  readonly limit: number | undefined;
}

/** `tierfall journal inspect|verify|export|repair`: looks at the journal itself. All but repair run beside a writer. */
export const journalCommand = defineCommand(
  {
    name: 'journal',
    summary: 'Look at the journal, check it, take entries out of it, or repair it.',
    description: [
      'inspect shows segments and what waits in them; verify reads every byte and exits 1 when one is not as it was written; export prints the entries that wait as JSON lines, names on standard error what it could not read, and exits 1 then. These three change nothing and may run beside a writer.',
      'repair needs the journal at rest: it sets damaged spans aside in journal/damaged and makes lost indexes again. Opening does the same by itself, so repair is for looking at the result before a writer starts.',
    ],
    positionals: [{ name: 'action', description: ACTIONS.join(', ') }],
    options: {
      config,
      dir,
      keys: PIPELINE_OPTIONS.keys,
      after: {
        type: 'integer',
        placeholder: 'SEQ',
        description: 'Export entries after this one. Default: the checkpoint.',
      },
      limit: { type: 'integer', placeholder: 'N', min: 1, description: 'Export no more than so many entries.' },
      ...OUTPUT_OPTIONS,
    },
    examples: [
      { command: 'tierfall journal inspect', description: 'What is in it, by segment and by priority' },
      { command: 'tierfall journal verify --keys keys.json', description: 'Is every byte as it was written?' },
      { command: 'tierfall journal export --limit 10', description: 'The ten oldest entries, as JSON lines' },
    ],
  },
  async ({ options, positionals }, context: CliContext) => {
    const [action = ''] = positionals;
    if (!ACTIONS.some((known) => known === action)) {
      throw new UsageError(`journal cannot ${JSON.stringify(action)}`, `It can ${ACTIONS.join(', ')}.`);
    }
    const pipeline = await resolvePipeline(options, context.cwd);
    await requireDirectory({ dir: pipeline.dir, store: undefined });
    const scene: Scene = {
      directory: dataDirectory(pipeline.dir).journal,
      chain: pipeline.chain,
      machine: openMachine(context, pipeline.chain, 'error'),
      terminal: terminalOf(context, options.json),
      context,
      keys: pipeline.objects.encryption,
      after: options.after,
      limit: options.limit,
    };
    return await RUN[action as Action](scene);
  },
);

const RUN: Readonly<Record<Action, (scene: Scene) => Promise<number>>> = {
  inspect: inspectJournal,
  verify: verifyJournal,
  export: exportEntries,
  repair: repairJournal,
};

async function requireJournal({ machine, directory }: Scene): Promise<void> {
  if ((await machine.fs.stat(directory)) !== undefined) return;
  throw new UsageError(
    `there is no journal in ${directory}`,
    'Name the data directory of the writer with --dir.',
  );
}

async function survey(scene: Scene): Promise<{ found: JournalSurvey; owner: string | undefined }> {
  const { machine, directory } = scene;
  await requireJournal(scene);
  const owner = await ownerOf(directory, machine.fs);
  return { found: await surveyJournal(machine.fs, directory), owner };
}

function inUse({ directory }: Scene, owner: string): string {
  return `${directory} is in use by ${owner}`;
}

function isoOf(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toISOString();
}

async function inspectJournal(scene: Scene): Promise<number> {
  const { found, owner } = await survey(scene);
  const { terminal } = scene;
  terminal.table(
    [
      {
        state: owner === undefined ? 'at rest' : 'in use by a writer',
        checkpoint: found.checkpointed,
        segments: found.segments.length,
        bytes: found.segments.reduce((sum, { bytes }) => sum + bytes, 0),
        'damaged spans': damageOf(found, owner).length,
      },
    ],
    'Journal',
  );
  if (owner !== undefined) terminal.note(inUse(scene, owner));
  terminal.table(
    byPriority(found.pending).map(({ priority, entries, rows, bytes, oldestMs }) => ({
      priority,
      entries,
      rows,
      'body bytes': bytes,
      oldest: isoOf(oldestMs),
    })),
    'Waiting to be packed',
  );
  if (found.segments.length > 0) terminal.table(found.segments.map(segmentRow), 'Segments');
  return EXIT_OK;
}

function segmentRow(segment: SegmentSurvey): Record<string, string | number> {
  const { name, version, bytes, firstSeq, lastSeq, entries, pending, index, keyIds, gaps } = segment;
  return {
    segment: name,
    version: version ?? 'unreadable',
    bytes,
    first: firstSeq,
    last: lastSeq ?? '',
    entries,
    waiting: pending,
    index,
    'encrypted under': keyIds.join(', '),
    'other bytes': gaps.reduce((sum, gap) => sum + gap.bytes, 0),
  };
}

interface Damage {
  readonly where: string;
  readonly fault: string;
}

/** Spans that are no entries. The end of the newest segment of a living writer is one that is being written. */
function damageOf({ segments }: JournalSurvey, owner: string | undefined): Damage[] {
  const newest = segments.at(-1);
  return segments.flatMap((segment) =>
    segment.gaps
      .filter((gap) => owner === undefined || segment !== newest || gap !== segment.tail)
      .map((gap) => ({
        where: `journal/${segment.name}`,
        fault: faultOf(gap, gap === segment.tail),
      })),
  );
}

function faultOf({ offset, bytes, unreadable }: Gap, isTail: boolean): string {
  const what = unreadable
    ? 'cannot be read from the disk'
    : isTail
      ? 'are an entry that was not written to its end, or decayed'
      : 'are no entry';
  return `${bytes} bytes at offset ${offset} ${what}`;
}

const CHANGED = 'does not fit its tag: it was changed';

async function verifyJournal(scene: Scene): Promise<number> {
  const { terminal, machine, directory, keys } = scene;
  const { found, owner } = await survey(scene);
  if (owner !== undefined) terminal.note(inUse(scene, owner));
  const damage = damageOf(found, owner);
  const isEncrypted = found.segments.some(({ keyIds }) => keyIds.length > 0);
  if (keys !== undefined || !isEncrypted) {
    for await (const { seq, body } of readSurveyed(machine.fs, directory, -1, keys)) {
      if (body === undefined && seq !== undefined) damage.push({ where: `entry ${seq}`, fault: CHANGED });
    }
  }
  if (damage.length > 0)
    terminal.table(
      damage.map(({ where, fault }) => ({ where, fault })),
      'Damage',
    );
  const entries = found.segments.reduce((sum, segment) => sum + segment.entries, 0);
  const segments = found.segments.length;
  const unopened =
    isEncrypted && keys === undefined ? ' Encrypted entries were checked but not opened; see --keys.' : '';
  terminal.note(
    damage.length === 0
      ? `${entries} entries in ${segments} segments: every byte is as it was written.${unopened}`
      : `${entries} entries in ${segments} segments are as they were written; ${damage.length} spans are NOT, see above.${unopened}`,
  );
  return damage.length === 0 ? EXIT_OK : EXIT_FAILED;
}

async function exportEntries(scene: Scene): Promise<number> {
  const { machine, directory, keys, context, limit = Number.POSITIVE_INFINITY } = scene;
  const { found, owner } = await survey(scene);
  let exported = 0;
  let lost = 0;
  for await (const entry of readSurveyed(machine.fs, directory, scene.after ?? found.checkpointed, keys)) {
    if (exported === limit) break;
    if (entry.body === undefined) {
      if (isBeingWritten(entry, found, owner)) continue;
      lost += 1;
      context.stderr.write(`NOT exported: ${lossOf(entry)}\n`);
      continue;
    }
    const { body, ...facts } = entry;
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const text = bytes.toString('utf8');
    const shown = Buffer.from(text).equals(bytes) ? { body: text } : { bodyBase64: bytes.toString('base64') };
    context.stdout.write(`${JSON.stringify({ ...facts, ...shown })}\n`);
    exported += 1;
  }
  if (lost === 0) return EXIT_OK;
  context.stderr.write(
    `${exported} entries were exported; ${lost} ${lost === 1 ? 'entry or span' : 'entries or spans'} could NOT be, see above.\n`,
  );
  return EXIT_FAILED;
}

type Unread = UnreadableEntry | UnreadableSpan;

/** The end of the newest segment of a living writer, as `damageOf` sees it. */
function isBeingWritten(unread: Unread, { segments }: JournalSurvey, owner: string | undefined): boolean {
  if (owner === undefined || unread.seq !== undefined || !unread.isTail) return false;
  // Named by their first seq, so that segments which the writer started meanwhile come behind.
  return unread.segment >= (segments.at(-1)?.name ?? '');
}

function lossOf(unread: Unread): string {
  if (unread.seq !== undefined) return `entry ${unread.seq} ${CHANGED}`;
  return `journal/${unread.segment}: ${faultOf(unread.gap, unread.isTail)}`;
}

async function repairJournal(scene: Scene): Promise<number> {
  const { directory, chain, machine, terminal } = scene;
  const { fs, clock, bus } = machine;
  await requireJournal(scene);
  const verifyBytes = Number.POSITIVE_INFINITY;
  const journal = await openSegmentJournal({ directory, chain, fs, clock, emit: bus.emit, verifyBytes });
  const { damage } = journal;
  await journal.close();
  const { found } = await survey(scene);
  if (damage.length > 0) {
    terminal.table(
      damage.map(({ file, offset, bytes, setAside }) => ({
        segment: file.slice(directory.length + 1),
        offset,
        bytes,
        'set aside as':
          setAside === file ? 'could not be: left in the segment' : setAside.slice(directory.length + 1),
      })),
      'Damaged spans',
    );
  }
  const waiting = found.segments.reduce((sum, { pending }) => sum + pending, 0);
  const left = damage.filter(({ file, setAside }) => setAside === file).length;
  const unindexed = found.segments.filter(({ index, gaps }) => index !== 'fits' && gaps.length === 0).length;
  const indexes = unindexed === 0 ? 'indexes are whole' : `${unindexed} indexes could NOT be made again`;
  terminal.note(
    `${waiting} entries wait and can be read; ${damage.length - left} damaged spans are set aside${left === 0 ? '' : `, ${left} could NOT be`}; ${indexes}.`,
  );
  return left === 0 && unindexed === 0 ? EXIT_OK : EXIT_FAILED;
}
