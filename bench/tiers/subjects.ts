/**
 * The four tiers in the default chain on the embedded defaults: sqliteSink and the segment journal, on disk. Each
 * subject checks every receipt, so that a batch on another way than the one that is measured ends the run.
 */
import {
  createEngine,
  type Disposition,
  defaultChain,
  type Engine,
  type Journal,
  nodeFileSystem,
  openSegmentJournal,
  type Receipt,
  type Sink,
  sqliteSink,
  systemClock,
} from '../../src/index.ts';
import { flakySink } from '../../src/testing/index.ts';
import { jsonParse, schemaCheck, sqliteTransaction, writeFdatasync } from './floors.ts';
import type { Running } from './measure.ts';
import { SCHEMA, type Shape } from './workload.ts';

export interface Subject {
  readonly label: string;
  readonly shape: Shape;
  /** The floor it is drawn and divided by. */
  readonly floor: 'sqlite' | 'fdatasync' | 'jsonParse' | undefined;
  open(directory: string): Promise<Running>;
}

interface TierSubject {
  readonly tier: 'primary' | 'schema-retry' | 'schema-coerce' | 'raw-persist';
  readonly lands: Disposition;
  /** Wraps the sink before the engine sees it. */
  readonly wrap?: (sink: Sink) => Sink;
  readonly prepare?: (engine: Engine) => void;
}

async function openJournal(directory: string): Promise<Journal> {
  return openSegmentJournal({
    directory: `${directory}/journal`,
    chain: 'bench',
    fs: nodeFileSystem,
    clock: systemClock,
    emit: () => undefined,
  });
}

/** @returns the tier's own latency, milliseconds */
function latencyIn(receipt: Receipt, { tier, lands }: TierSubject): number {
  const passage = receipt.trail.at(-1);
  if (passage?.tier === tier && receipt[lands] === receipt.records) return passage.latencyMs;
  throw new Error(`expected ${lands} by ${tier}, found ${JSON.stringify(receipt.trail)}`);
}

async function openTier(directory: string, subject: TierSubject): Promise<Running> {
  const journal = await openJournal(directory);
  const plain = sqliteSink({ file: `${directory}/sink.db`, table: 'readings' });
  const sink = subject.wrap?.(plain) ?? plain;
  const chain = defaultChain({
    name: 'bench',
    sink,
    schema: SCHEMA,
    journal,
    retry: { firstMs: 0 },
    // The lost replies that are planted for schema-retry would open the circuit of the tier before it.
    ...(subject.tier === 'schema-retry' ? { limits: { primary: { breaker: false } } } : {}),
  });
  const engine = await createEngine({ chain });
  subject.prepare?.(engine);
  return {
    take: async (body) => latencyIn(await engine.submit({ body, format: 'ndjson' }), subject),
    close: async () => {
      await engine.close();
      await sink.close?.();
      await journal.close();
    },
  };
}

/** Every first write lands and its reply is lost; the retry then finds all rows held and writes nothing. */
function losingReplies(sink: Sink): Sink {
  const flaky = flakySink(sink);
  flaky.failNext('ambiguous', 100_000, { applied: true });
  return flaky;
}

function tierSubject(label: string, shape: Shape, floor: Subject['floor'], tier: TierSubject): Subject {
  return { label, shape, floor, open: (directory) => openTier(directory, tier) };
}

/** Everything that is measured, by the name that ratios use. */
export const SUBJECTS = {
  primary: tierSubject('primary', 'conforming', 'sqlite', { tier: 'primary', lands: 'delivered' }),
  retry: tierSubject('schema-retry', 'conforming', undefined, {
    tier: 'schema-retry',
    lands: 'delivered',
    wrap: losingReplies,
  }),
  coerce: tierSubject('schema-coerce', 'drifted', 'sqlite', { tier: 'schema-coerce', lands: 'degraded' }),
  raw: tierSubject('raw-persist', 'conforming', 'fdatasync', {
    tier: 'raw-persist',
    lands: 'deferred',
    // As while a sink is down: the batch skips the open circuit and rests in the journal.
    prepare: (engine) => engine.breaker('primary')?.isolate(),
  }),
  check: { label: 'schema check', shape: 'conforming', floor: 'jsonParse', open: schemaCheck },
  sqlite: { label: 'node:sqlite transaction', shape: 'conforming', floor: undefined, open: sqliteTransaction },
  fdatasync: { label: 'write + fdatasync', shape: 'conforming', floor: undefined, open: writeFdatasync },
  jsonParse: { label: 'JSON.parse', shape: 'conforming', floor: undefined, open: jsonParse },
} as const satisfies Readonly<Record<string, Subject>>;

export type SubjectName = keyof typeof SUBJECTS;
