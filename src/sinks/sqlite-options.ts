/** What the SQLite sink can be told, and what it refuses. */
import type { Clock } from '../core/clock.ts';
import { ConfigError } from '../core/errors.ts';

export interface SqliteSinkOptions {
  /** Path of the database; created when absent, its directory is not. */
  readonly file: string;
  /** Created as a STRICT table from the first columns when absent. */
  readonly table: string;
  /** How long to wait for another writer, in milliseconds, before `throttled`. @default 5000 */
  readonly busyTimeoutMs?: number;
  /** Whether a column the table lacks is added to it; otherwise the write is `refused`. @default true */
  readonly addColumns?: boolean;
  /** Size the database may grow to, in bytes; beyond it a write is `unavailable`. @default the disk's */
  readonly bytesMax?: number;
  /** @default `sqlite:<table>` */
  readonly name?: string;
  /**
   * Tells one file from another that took its path, e.g. by inode. SQLite goes on writing to a file that was
   * deleted or replaced under it; with this, the sink notices and opens the new one. @default not noticed
   */
  readonly identityOf?: (file: string) => string | undefined;
  /**
   * Measures the busy timeout, and waits without holding up the event loop. @default none: SQLite waits in
   * slices of 20 ms, which count only the sink's own waiting
   */
  readonly clock?: Pick<Clock, 'now' | 'schedule'>;
}

/** @throws ConfigError */
export function checkOptions({ file, table, busyTimeoutMs = 0, bytesMax = 1 }: SqliteSinkOptions): void {
  if (file === '' || file === ':memory:' || file.includes('\0')) {
    throw new ConfigError(
      'file',
      `expected a path, found ${JSON.stringify(file)}`,
      'Use memorySink() to keep rows in memory.',
    );
  }
  if (table === '' || table.includes('\0') || /^sqlite_/i.test(table) || !table.isWellFormed()) {
    throw new ConfigError(
      'table',
      `${JSON.stringify(table)} cannot name a table`,
      'SQLite keeps sqlite_… for itself.',
    );
  }
  if (!Number.isFinite(busyTimeoutMs) || busyTimeoutMs < 0) {
    throw new ConfigError(
      'busyTimeoutMs',
      `expected 0 or more, found ${busyTimeoutMs}`,
      'Give it in milliseconds.',
    );
  }
  if (!Number.isFinite(bytesMax) || bytesMax <= 0) {
    throw new ConfigError(
      'bytesMax',
      `expected more than 0, found ${bytesMax}`,
      'Give it in bytes, or leave it out.',
    );
  }
}
