/** One log line per event of an engine or a worker. Samples of data stay out: a loss is logged by field and kind. */
import type { EventBus, EventName, Events } from '../core/events.ts';
import type { LossReport } from '../core/loss.ts';
import type { LogFields, Logger, LogLevel } from './logger.ts';

interface Line<E> {
  readonly level: Exclude<LogLevel, 'silent'>;
  readonly message: string;
  readonly fields?: (event: E) => LogFields;
}

const LOSS_ENTRIES_MAX = 20;

function lossFields({ cells, cellsTotal, entries }: LossReport): LogFields {
  const changes = entries
    .slice(0, LOSS_ENTRIES_MAX)
    .map(({ field, kind, count }) => `${field}: ${kind} ${count}x`);
  return { lossCells: cells, cellsTotal, changes };
}

const LINES: { readonly [N in EventName]: Line<Events[N]> } = {
  tierTransitioned: {
    level: 'info',
    message: 'rows moved to another tier',
    fields: ({ from, ...rest }) => ({ tier: from, ...rest }),
  },
  batchDegraded: {
    level: 'info',
    message: 'rows delivered degraded',
    fields: ({ loss, ...rest }) => ({ ...rest, ...lossFields(loss) }),
  },
  batchDeferred: { level: 'info', message: 'rows stored raw for later' },
  batchRejected: { level: 'error', message: 'rows rejected: the caller still owns them' },
  circuitOpened: { level: 'warn', message: 'circuit opened' },
  circuitHalfOpened: { level: 'info', message: 'circuit half-opened: a sample of calls is let through' },
  circuitClosed: { level: 'info', message: 'circuit closed' },
  callRetried: { level: 'debug', message: 'call retried' },
  objectStored: { level: 'debug', message: 'object stored' },
  objectsExpired: { level: 'info', message: 'settled objects expired' },
  storageFailed: {
    level: 'error',
    message: 'storage failed',
    fields: ({ message, ...rest }) => ({ ...rest, detail: message }),
  },
  journalDamaged: { level: 'error', message: 'journal damaged: the span is set aside' },
  journalPressed: {
    level: 'warn',
    message: 'journal passed a mark of its watermark',
    fields: ({ chain, level, fill }) => ({ chain, pressure: level, fill }),
  },
  jobAnnounced: { level: 'debug', message: 'reconcile job announced' },
  jobSettled: { level: 'info', message: 'reconcile job settled' },
  jobPostponed: { level: 'info', message: 'reconcile job postponed' },
  rowsHealed: { level: 'info', message: 'degraded rows upgraded in place' },
  replayPaused: { level: 'warn', message: 'replay paused: the sink is away' },
  replayResumed: { level: 'info', message: 'replay resumed, with a part of the keys first' },
  rowsQuarantined: { level: 'warn', message: 'rows quarantined' },
};

/**
 * Logs every event of `bus`. Events whose level is not enabled are not listened to, so that nobody builds them.
 * @returns a function that stops it; calling it twice is safe
 */
export function logEvents(bus: EventBus, logger: Logger): () => void {
  const names = Object.keys(LINES) as EventName[];
  const stops = names.map((name) => logEvent(bus, logger, name));
  return () => {
    for (const stop of stops) stop();
  };
}

function logEvent<N extends EventName>(bus: EventBus, logger: Logger, name: N): () => void {
  const { level, message, fields } = LINES[name];
  if (!logger.isEnabled(level)) return () => {};
  return bus.on(name, (event) => logger.log(level, message, { event: name, ...(fields?.(event) ?? event) }));
}
