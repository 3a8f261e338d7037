/** What cannot be a file, a table or a limit is refused before anything is opened. */
import { ConfigError } from '../core/errors.ts';

interface CheckedOptions {
  readonly file: string;
  readonly table: string;
  readonly busyTimeoutMs?: number;
  readonly bytesMax?: number;
}

/** @throws ConfigError naming the option */
export function checkOptions({ file, table, busyTimeoutMs = 0, bytesMax = 1 }: CheckedOptions): void {
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
