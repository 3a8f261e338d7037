/**
 * The queue on the local state file, for one machine: any number of workers in any number of processes.
 * Holds the promises Q1 to Q4 of the port; every call is one transaction.
 *
 * E1 a job is held by the name a worker claimed it with, so that name must be new for every claim: it is
 * the fence that keeps a worker which lost its lease from speaking for the next one. E2 a lease that ran out
 * is lost only when somebody else takes the lane; until then its owner may still renew it. E3 leases and delays
 * are read from the wall clock; one that steps forward ends them early, which costs repeated work and
 * never data, one that steps back at most doubles them. E4 only announcements wait for the disk: a power cut that takes
 * a claim takes its worker along, one that takes a checkpoint or an end costs repeated work, for the settlement is in the
 * store.
 */
import { PRIORITIES } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import type { ClaimedJob, Job, Queue, QueueDepth } from './queue.ts';
import type { SqlSession, StateDatabase } from './sqlite-database.ts';

export interface EmbeddedQueueOptions {
  /** Where the jobs are kept; closed by whoever opened it. */
  readonly state: StateDatabase;
  readonly clock: Clock;
  /** Claims and counts only jobs of this chain. @default all */
  readonly chain?: string;
  /**
   * Whether a power cut may take an announcement: a sweep finds the object again, and nobody waits for a disk
   * meanwhile. @default false
   */
  readonly areAnnouncementsHints?: boolean;
}

/** A queue on the local state file. Its methods throw StorageError when that cannot be used. */
export function embeddedQueue(options: EmbeddedQueueOptions): Queue {
  return new EmbeddedQueue(options);
}

interface JobRow {
  readonly id: string;
  readonly chain: string;
  readonly ref: string;
  readonly lane: number;
  readonly ord: number;
  readonly rows: number;
  readonly sha256: string;
  readonly attempts: number;
  readonly entries_done: number;
  readonly progress: string | null;
  readonly until_ms: number;
  readonly span_ms: number;
  /** Place in PRIORITIES; null of jobs that an earlier version announced. */
  readonly priority: number | null;
}

const KNOWN_CHUNK = 500;
const NORMAL = PRIORITIES.indexOf('normal');
/** E4. */
const HINT = { isHint: true };

const NEXT_CHAIN = 'SELECT chain FROM jobs WHERE chain > ? ORDER BY chain LIMIT 1';

// Not `(chain, lane) > (?, ?)`: SQLite seeks only the first column of a row value and scans the rest.
const NEXT_HEAD = 'SELECT * FROM jobs WHERE chain = ? AND lane > ? ORDER BY lane, ord, id LIMIT 1';

const LANE_HELD = `SELECT 1 AS held FROM jobs WHERE chain = ? AND lane = ? AND worker IS NOT NULL
  AND until_ms > ? AND until_ms - span_ms <= ? LIMIT 1`;

const LOSE_LEASES = `UPDATE jobs SET worker = NULL, until_ms = 0, span_ms = 0
  WHERE chain = ? AND lane = ? AND worker IS NOT NULL`;

const HOLD = `UPDATE jobs SET worker = ?, until_ms = ?, span_ms = ?, attempts = attempts + 1 WHERE id = ?`;

const ADD = `INSERT INTO jobs (id, chain, ref, lane, ord, rows, sha256, announced_ms, priority)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO NOTHING`;

const RENEW = `UPDATE jobs SET until_ms = ?, span_ms = ?, entries_done = ?, progress = ? WHERE id = ? AND worker = ?`;

const REST = `UPDATE jobs SET worker = NULL, until_ms = ?, span_ms = ?, reason = ? WHERE id = ? AND worker = ?`;

const COUNT = `SELECT
  COALESCE(SUM(worker IS NULL AND until_ms > ?1 AND until_ms - span_ms <= ?1), 0) AS postponed,
  COALESCE(SUM(worker IS NOT NULL AND until_ms > ?1 AND until_ms - span_ms <= ?1), 0) AS active,
  COUNT(*) AS jobs, COALESCE(SUM(rows), 0) AS rows, MIN(announced_ms) AS oldest
  FROM jobs WHERE ?2 IS NULL OR chain = ?2`;

class EmbeddedQueue implements Queue {
  readonly #state: StateDatabase;
  readonly #clock: Clock;
  readonly #chain: string | undefined;
  readonly #isHint: boolean;

  constructor(options: EmbeddedQueueOptions) {
    this.#state = options.state;
    this.#clock = options.clock;
    this.#chain = options.chain;
    this.#isHint = options.areAnnouncementsHints ?? false;
  }

  async announce(job: Job): Promise<'added' | 'known'> {
    const [answer = 'known'] = await this.announceAll([job]);
    return answer;
  }

  async announceAll(jobs: readonly Job[]): Promise<readonly ('added' | 'known')[]> {
    const now = this.#now();
    return this.#state.transact(
      (session) =>
        jobs.map(({ id, chain, ref, lane, order, rows, sha256, priority = 'normal' }) => {
          const values = [id, chain, ref, lane, order, rows, sha256, now, PRIORITIES.indexOf(priority)];
          return session.run(ADD, ...values) > 0 ? 'added' : 'known';
        }),
      { isHint: this.#isHint },
    );
  }

  async knows(ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#state.transact((session) => {
      const known = new Set<string>();
      for (let at = 0; at < ids.length; at += KNOWN_CHUNK) {
        const chunk = JSON.stringify(ids.slice(at, at + KNOWN_CHUNK));
        const sql = 'SELECT id FROM jobs WHERE id IN (SELECT value FROM json_each(?))';
        for (const row of session.all<{ id: string }>(sql, chunk)) known.add(row.id);
      }
      return known;
    });
  }

  async refs(): Promise<readonly string[]> {
    const sql = 'SELECT ref FROM jobs WHERE ?1 IS NULL OR chain = ?1 ORDER BY ref';
    const rows = await this.#state.transact((session) =>
      session.all<{ ref: string }>(sql, this.#chain ?? null),
    );
    return rows.map(({ ref }) => ref);
  }

  async claim(worker: string, leaseMs: number, lanes?: ReadonlySet<number>): Promise<ClaimedJob | undefined> {
    const now = this.#now();
    const span = Math.ceil(leaseMs);
    return this.#state.transact((session) => {
      const head = this.#firstFreeHead(session, now, lanes);
      if (!head) return undefined;
      session.run(LOSE_LEASES, head.chain, head.lane);
      session.run(HOLD, worker, now + span, span, head.id);
      return claimedJob(head);
    }, HINT);
  }

  async checkpoint(
    job: Job,
    worker: string,
    leaseMs: number,
    entriesDone: number,
    progress?: string,
  ): Promise<boolean> {
    const span = Math.ceil(leaseMs);
    const values = [this.#now() + span, span, entriesDone, progress ?? null, job.id, worker];
    return this.#change(RENEW, values);
  }

  async complete(job: Job, worker: string): Promise<boolean> {
    return this.#change('DELETE FROM jobs WHERE id = ? AND worker = ?', [job.id, worker]);
  }

  async postpone(job: Job, worker: string, delayMs: number, reason: string): Promise<boolean> {
    const span = Math.max(0, Math.ceil(delayMs));
    return this.#change(REST, [this.#now() + span, span, reason, job.id, worker]);
  }

  async depth(): Promise<QueueDepth> {
    type Counts = { postponed: number; active: number; jobs: number; rows: number; oldest: number | null };
    const now = this.#now();
    const counts = await this.#state.transact((session) =>
      session.get<Counts>(COUNT, now, this.#chain ?? null),
    );
    if (!counts) return { waiting: 0, active: 0, postponed: 0, rows: 0 };
    const { postponed, active, jobs, rows, oldest } = counts;
    const depth = { waiting: jobs - postponed - active, active, postponed, rows };
    return oldest === null ? depth : { ...depth, oldestMs: oldest };
  }

  async close(): Promise<void> {}

  /**
   * One index seek per lane. The oldest head of the highest class goes first, so that a busy lane cannot starve the others. A lane
   * may be held by a job that is not its head: an older object was found while a newer one was running.
   */
  #firstFreeHead(session: SqlSession, now: number, lanes?: ReadonlySet<number>): JobRow | undefined {
    let first: JobRow | undefined;
    for (const chain of this.#chains(session)) {
      let head = session.get<JobRow>(NEXT_HEAD, chain, -1);
      while (head) {
        const isEarlier = first === undefined || goesBefore(head, first);
        const isWanted = lanes === undefined || lanes.has(head.lane);
        if (isWanted && isEarlier && isFree(head, now) && !session.get(LANE_HELD, chain, head.lane, now, now))
          first = head;
        head = session.get<JobRow>(NEXT_HEAD, chain, head.lane);
      }
    }
    return first;
  }

  #chains(session: SqlSession): readonly string[] {
    if (this.#chain !== undefined) return [this.#chain];
    const chains: string[] = [];
    let next = session.get<{ chain: string }>(NEXT_CHAIN, '');
    while (next) {
      chains.push(next.chain);
      next = session.get<{ chain: string }>(NEXT_CHAIN, next.chain);
    }
    return chains;
  }

  async #change(sql: string, values: (string | number | null)[]): Promise<boolean> {
    return (await this.#state.transact((session) => session.run(sql, ...values), HINT)) > 0;
  }

  #now(): number {
    return Math.floor(this.#clock.wallNow());
  }
}

function isFree(row: JobRow, now: number): boolean {
  return row.until_ms <= now || row.until_ms - row.span_ms > now;
}

/** Q6 */
function goesBefore(some: JobRow, other: JobRow): boolean {
  const [one, two] = [some.priority ?? NORMAL, other.priority ?? NORMAL];
  return one === two ? some.ord < other.ord : one < two;
}

function claimedJob(row: JobRow): ClaimedJob {
  const { id, chain, ref, lane, ord, rows, sha256, attempts, entries_done } = row;
  const job = { id, chain, ref, lane, order: ord, rows, sha256, attempts, entriesDone: entries_done };
  const priority = PRIORITIES[row.priority ?? NORMAL] ?? 'normal';
  return {
    ...job,
    ...(priority === 'normal' ? {} : { priority }),
    ...(row.progress === null ? {} : { progress: row.progress }),
  };
}
