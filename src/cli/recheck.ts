/** `tierfall verify --recheck`: asks the sink of a pipeline again for everything that is settled. */
import type { Backlog } from '../assembly/backlog.ts';
import { keysOf } from '../assembly/reconciler.ts';
import { framer } from '../codecs/codecs.ts';
import { ConfigError } from '../core/errors.ts';
import { type RecheckReport, recheckSink } from '../reconcile/recheck.ts';
import { recheckRows } from './completeness-tables.ts';
import type { CliContext } from './context.ts';
import type { CliMachine } from './machine.ts';
import { type Pipeline, requireSink } from './pipeline.ts';
import type { Terminal } from './terminal.ts';

/** @throws ConfigError when there is no sink, or one that cannot be asked; SinkError when it does not answer */
export async function recheckPipeline(
  pipeline: Pipeline,
  backlog: Backlog,
  terminal: Terminal,
  { clock, random }: Pick<CliMachine, 'clock' | 'random'>,
  { signal }: Pick<CliContext, 'signal'>,
): Promise<RecheckReport> {
  const sink = requireSink(pipeline);
  const lookup = sink.lookup?.bind(sink);
  if (!lookup) {
    throw new ConfigError(
      '--recheck',
      `${sink.name} cannot be asked which keys it holds`,
      'Only sinks with lookup can be checked again; for others the settlements rest on their answers.',
    );
  }
  const { retentionMs } = sink;
  const { store, chain, quarantine, decode } = backlog;
  const progress = terminal.progress('rows asked for', { unit: 'rows' });
  try {
    const report = await recheckSink({
      ...{ store, chain, quarantine, decode, framer, clock, random, signal },
      sink: { lookup, ...(retentionMs === undefined ? {} : { retentionMs }) },
      keysOf: keysOf(pipeline.schema),
      onProgress: (rows, lost) => progress.update(rows, { lost }),
    });
    progress.finish(report.rows, { lost: report.lost });
    terminal.table(recheckRows(report), 'In the sink today');
    if (report.lostRows.length > 0) {
      const rows = report.lostRows.map(({ key, ref }) => ({ key, object: ref }));
      terminal.table(
        rows,
        rows.length < report.lost ? `Lost from the sink: the first ${rows.length}` : 'Lost from the sink',
      );
    }
    return report;
  } finally {
    progress.finish();
  }
}
