import { type Backlog, openBacklog } from '../../assembly/backlog.ts';
import { dataDirectory } from '../../assembly/data-directory.ts';
import { objectSettings } from '../../assembly/object-settings.ts';
import { ConfigError } from '../../core/errors.ts';
import { verifyLinks } from '../../reconcile/manifests/verify-links.ts';
import { sweep } from '../../reconcile/sweep.ts';
import { type JobFault, verifyJobs } from '../../reconcile/verify-jobs.ts';
import { verifyObjects } from '../../reconcile/verify-objects.ts';
import { defineCommand } from '../args.ts';
import { linkRows } from '../completeness-tables.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { healLedgerRows } from '../heal-table.ts';
import { inspectJournal } from '../inspect-journal.ts';
import { deferredLedgerRows } from '../ledger-table.ts';
import { type CliMachine, openMachine } from '../machine.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { EXIT_FAILED, EXIT_OK } from '../program.ts';
import { recheckPipeline } from '../recheck.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS } from '../shared-options.ts';
import type { TableRow } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const { config, dir, store, queue, keys, sink, table, schema, tolerance } = PIPELINE_OPTIONS;

const RECHECK = {
  type: 'flag',
  description: 'Ask the sink again for every row that was settled, and name those that it has lost since.',
} as const;

const HEAD = {
  type: 'text',
  placeholder: 'HASH',
  description: 'A head of the chain of manifests that was kept elsewhere: it must still be part of the chain.',
} as const;

const REPAIR = {
  type: 'flag',
  description: 'Announce objects again that nobody would come to replay.',
} as const;

/** `tierfall verify`: reads everything that is stored, checks every hash, and balances the ledger. */
export const verifyCommand = defineCommand(
  {
    name: 'verify',
    summary: 'Check every stored byte and balance the ledger.',
    description: [
      'Reads journal, objects, settlements, manifests, queue and quarantine. Exit code 1 when something is damaged or does not balance.',
      'Settlements and outages are compared with the chain of hashes over them. Who can write to the store could cut off its end or write all of it anew: keep its head elsewhere, and name it with --head.',
      'With --recheck, every settled object is read and the sink is asked for its rows today; rows in quarantine, and rows older than the sink keeps anything, are not missed.',
      'With --repair, objects that are neither settled nor announced are announced again first; nothing is deleted.',
    ],
    options: {
      ...{ config, dir, store, queue, keys },
      recheck: RECHECK,
      ...{ sink, table, schema, tolerance },
      head: HEAD,
      repair: REPAIR,
      ...OUTPUT_OPTIONS,
    },
    examples: [
      {
        command: 'tierfall verify --recheck',
        description: 'Does the sink still hold everything that was brought back?',
      },
      {
        command: 'tierfall verify --dir .tierfall',
        description: 'Is everything that was acknowledged still there?',
      },
    ],
  },
  async ({ options }, context: CliContext) => {
    const pipeline = await resolvePipeline(options, context.cwd);
    await requireDirectory(pipeline);
    const terminal = terminalOf(context, options.json);
    const machine = openMachine(context, pipeline.chain, 'error');
    const settings = await objectSettings(pipeline.objects);
    const backlog = await openBacklog({ ...pipeline, ...settings }, machine);
    try {
      const { journal: directory } = dataDirectory(pipeline.dir);
      const journal = await inspectJournal(directory, pipeline.chain, machine);
      terminal.table([journal.row], 'Journal');
      const faults = await verifyStored(backlog, terminal);
      if (options.repair) terminal.table([await announceForgotten(backlog, machine)], 'Repair');
      const report = await backlog.report({ heals: true });
      terminal.table(deferredLedgerRows(report), 'Deferred records');
      if (report.heals && report.heals.objects > 0)
        terminal.table(healLedgerRows(report.heals), 'Degraded records, originals kept');
      const links = await verifyManifests(backlog, terminal, parseHead(options.head));
      const rechecked = options.recheck
        ? await recheckPipeline(pipeline, backlog, terminal, machine, context)
        : { lost: 0, faults: [] };
      const { store: objects, queue: jobs } = backlog;
      const damage = [
        ...journal.damage,
        ...faults,
        ...(await verifyJobs({ store: objects, queue: jobs, chain: pipeline.chain, clock: context.clock })),
        ...report.perObject.flatMap(({ ref, fault }) => (fault ? [{ ref, fault }] : [])),
        ...links,
        ...rechecked.faults,
      ];
      if (damage.length > 0)
        terminal.table(
          damage.map(({ ref, fault }) => ({ where: ref, fault })),
          'Damage',
        );
      const isSound = report.balanced && damage.length === 0 && rechecked.lost === 0;
      terminal.note(
        isSound ? 'The ledger balances and every byte is as it was stored.' : 'NOT in order: see above.',
      );
      return isSound ? EXIT_OK : EXIT_FAILED;
    } finally {
      await backlog.close();
    }
  },
);

/** @returns what is damaged */
async function verifyStored(
  { store: from, chain, decode }: Backlog,
  terminal: Terminal,
): Promise<readonly JobFault[]> {
  const progress = terminal.progress('objects read', { unit: 'objects' });
  const { objects, heals, faults } = await verifyObjects(from, chain, decode, (done) => progress.update(done));
  progress.finish();
  terminal.table([{ objects, 'heal objects': heals, damaged: faults.length }], 'Objects');
  return faults;
}

/** @returns what is damaged */
async function verifyManifests(
  { store: from, chain }: Backlog,
  terminal: Terminal,
  head: string | undefined,
): Promise<readonly JobFault[]> {
  const progress = terminal.progress('manifests compared', { unit: 'manifests' });
  const links = await verifyLinks({ store: from, chain, head, onProgress: (done) => progress.update(done) });
  progress.finish();
  terminal.table(linkRows(links), 'Chain of manifests');
  if (links.late.length > 0)
    terminal.table(
      links.late.map((key) => ({ settlement: key })),
      'Linked late',
    );
  return links.faults;
}

/** @throws ConfigError */
function parseHead(text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text;
  throw new ConfigError(
    '--head',
    `found ${JSON.stringify(text)}, expected 64 hex digits`,
    'Take the head that "tierfall verify" or "tierfall reconcile --report" printed.',
  );
}

/** Objects whose settlement cannot be read count as open: replaying them again changes nothing in the sink. */
async function announceForgotten(
  { store, queue, chain, decode, factsOf }: Backlog,
  { bus }: Pick<CliMachine, 'bus'>,
): Promise<TableRow> {
  const { emit } = bus;
  const swept = await sweep({ store, queue, chain, decode, factsOf, emit, checkSettlements: true });
  return { announced: swept.announced, 'already known': swept.known, unreadable: swept.unreadable.length };
}
