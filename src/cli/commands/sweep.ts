import { openBacklog } from '../../assembly/backlog.ts';
import { objectSettings } from '../../assembly/object-settings.ts';
import type { Fill } from '../../reconcile/queue.ts';
import { type SweepReport, sweep } from '../../reconcile/sweep.ts';
import { defineCommand } from '../args.ts';
import { type CliContext, terminalOf } from '../context.ts';
import { openMachine } from '../machine.ts';
import { requireDirectory, resolvePipeline } from '../pipeline.ts';
import { EXIT_FAILED, EXIT_OK } from '../program.ts';
import { OUTPUT_OPTIONS, PIPELINE_OPTIONS, SERVICE_OPTIONS } from '../shared-options.ts';
import type { Terminal } from '../terminal.ts';

const { config, dir, store, queue, keys } = PIPELINE_OPTIONS;

/** `tierfall sweep`: announces what is stored, not settled and unknown to the queue; what a worker does now and then. */
export const sweepCommand = defineCommand(
  {
    name: 'sweep',
    summary: 'Announce stored objects again that the queue has forgotten.',
    description: [
      'Workers sweep when they start and on a timer; this does it now, for instance after a queue was lost. It only announces: doing it twice, or beside running workers, changes nothing. Exit code 1 when an object cannot be read.',
    ],
    options: {
      config,
      dir,
      store,
      queue,
      keys,
      'trust-settlements': {
        type: 'flag',
        description: 'Take a settlement for valid because it is there, instead of reading each.',
      },
      'log-level': SERVICE_OPTIONS['log-level'],
      ...OUTPUT_OPTIONS,
    },
    examples: [
      {
        command: 'tierfall sweep --queue redis://127.0.0.1:6379',
        description: 'Fill a queue that was flushed',
      },
    ],
  },
  async ({ options }, context: CliContext) => {
    const pipeline = await resolvePipeline(options, context.cwd);
    await requireDirectory(pipeline);
    const terminal = terminalOf(context, options.json);
    const machine = openMachine(context, pipeline.chain, options['log-level']);
    const settings = await objectSettings(pipeline.objects);
    const backlog = await openBacklog({ ...pipeline, ...settings }, machine);
    try {
      const { chain, decode } = backlog;
      const fill = await backlog.queue.beginFill?.();
      const report = await sweep({
        store: backlog.store,
        queue: backlog.queue,
        chain,
        decode,
        emit: machine.bus.emit,
        checkSettlements: !options['trust-settlements'],
        signal: context.signal,
      });
      return tell(report, await isFilled(fill), terminal);
    } finally {
      await backlog.close();
    }
  },
);

/** A queue that can forget goes on giving jobs only when it was filled without forgetting some meanwhile. */
async function isFilled(fill: Fill | undefined): Promise<boolean> {
  return fill === undefined || fill.end();
}

function tell(report: SweepReport, isWhole: boolean, terminal: Terminal): number {
  const { objects, settled, known, announced, unreadable } = report;
  terminal.table(
    [{ objects, settled, 'already known': known, announced, unreadable: unreadable.length }],
    'Sweep',
  );
  if (unreadable.length > 0) {
    terminal.table(
      unreadable.map((object) => ({ object })),
      'Unreadable',
    );
    terminal.note('Run "tierfall verify" to see what is wrong with them; nothing of them is delivered.');
  }
  if (!isWhole) terminal.note('The queue forgot jobs meanwhile. Run it again.');
  return isWhole && unreadable.length === 0 ? EXIT_OK : EXIT_FAILED;
}
