/**
 * What the demo will do, decided before anything runs: which records of which files go through which chain,
 * in which scene. The writer gets it as a file and follows it to the letter.
 */
import type { Format } from '../../core/batch.ts';
import { readBatches } from '../../ingress/files.ts';

/** The scenes in which records are sent. `outage` is the one without a sink. */
export const PHASES = ['clean', 'drift', 'foreign', 'outage', 'back'] as const;
export type Phase = (typeof PHASES)[number];

/** The formats that the demo can read by itself, for its proof. */
export type DemoFormat = Extract<Format, 'json' | 'ndjson' | 'csv'>;

/** One chain with a data directory and a table of its own. */
export interface ChainPlan {
  readonly name: string;
  /** Data directory. */
  readonly dir: string;
  readonly table: string;
  /** JSON Schema. */
  readonly schema: object;
  /** Divergence above which rows are kept raw instead of coerced, 0 to 1. */
  readonly tolerance: number;
}

/** A file, or its first records, as input of one chain. */
export interface Feed {
  readonly id: string;
  readonly chain: string;
  /** Absolute path. */
  readonly file: string;
  /** The file as people should see it. */
  readonly label: string;
  readonly format: DemoFormat;
  readonly batchRows: number;
  /** Records that are sent, from the first one on. */
  readonly records: number;
}

/** A run of batches of one feed. */
export interface Item {
  readonly phase: Phase;
  readonly feed: string;
  /** Where it starts and ends in the file, in bytes. */
  readonly offset: number;
  readonly endOffset: number;
  readonly batches: number;
}

export interface Plan {
  /** The SQLite file that all chains write to. */
  readonly warehouse: string;
  /** Where the writer keeps its checkpoint. */
  readonly writerDir: string;
  readonly chains: readonly ChainPlan[];
  readonly feeds: readonly Feed[];
  readonly items: readonly Item[];
  /** Wait before each batch, in milliseconds. */
  readonly paceMs: number;
}

/** Where one batch of a feed lies. */
export interface BatchPlace {
  readonly offset: number;
  readonly endOffset: number;
  /** Index of its first record in the feed. */
  readonly first: number;
  readonly rows: number;
}

export interface PlannedFeed extends Feed {
  /** Whether the file holds nothing behind these records. */
  readonly isWhole: boolean;
  readonly batches: readonly BatchPlace[];
}

export interface FeedLimits {
  /** Reached exactly when it is a multiple of `batchRows`. @default no limit */
  readonly records?: number;
  /** Offset that no batch may go beyond. @default no limit */
  readonly bytes?: number;
}

/** Reads where the batches of a feed are. @throws InputError when the file cannot be read or has no records */
export async function planFeed(
  feed: Omit<Feed, 'records'>,
  { records: recordsMax = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY }: FeedLimits = {},
): Promise<PlannedFeed> {
  const { file: input, format, batchRows } = feed;
  const batches: BatchPlace[] = [];
  let records = 0;
  let isWhole = true;
  for await (const { rows, startOffset: offset, endOffset } of readBatches({ input, format, batchRows })) {
    isWhole = records + rows <= recordsMax && endOffset <= bytes;
    if (!isWhole) break;
    batches.push({ offset, endOffset, first: records, rows });
    records += rows;
  }
  return { ...feed, records, batches, isWhole };
}

/** How many batches of each feed a phase takes; `rest` takes what is left. */
export type Shares = readonly (readonly [phase: Phase, feed: string, batches: number | 'rest'])[];

/** Batches in a row of one feed before the next one has its turn. */
const TURN = 6;

/** The items in order: phase after phase, the feeds of a phase taking turns. */
export function layItems(feeds: readonly PlannedFeed[], shares: Shares): readonly Item[] {
  const taken = new Map<string, number>();
  return PHASES.flatMap((phase) => {
    const queues = shares
      .filter(([of]) => of === phase)
      .map(([, id, wanted]) => {
        const batches = feeds.find((feed) => feed.id === id)?.batches ?? [];
        const from = taken.get(id) ?? 0;
        const to = wanted === 'rest' ? batches.length : Math.min(batches.length, from + wanted);
        taken.set(id, to);
        return cutTurns(phase, id, batches.slice(from, to));
      });
    return interleave(queues);
  });
}

function cutTurns(phase: Phase, feed: string, batches: readonly BatchPlace[]): readonly Item[] {
  const items: Item[] = [];
  for (let at = 0; at < batches.length; at += TURN) {
    const turn = batches.slice(at, at + TURN);
    const [offset, endOffset] = [turn[0]?.offset ?? 0, turn.at(-1)?.endOffset ?? 0];
    items.push({ phase, feed, offset, endOffset, batches: turn.length });
  }
  return items;
}

function interleave(queues: readonly (readonly Item[])[]): readonly Item[] {
  const longest = Math.max(0, ...queues.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) => queues.map((queue) => queue[turn]))
    .flat()
    .filter((item) => item !== undefined);
}

/** How long the records are on their way when nothing is in the way, in milliseconds. */
const FLIGHT_MS = 11_000;
const PACE_MAX_MS = 150;

/** A pace at which the whole story can be watched and still ends soon. */
export function paceFor(items: readonly Item[]): number {
  const batches = items.reduce((sum, item) => sum + item.batches, 0);
  return Math.min(PACE_MAX_MS, Math.round(FLIGHT_MS / Math.max(1, batches)));
}
