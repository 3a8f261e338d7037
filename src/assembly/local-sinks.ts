/** Sinks on this machine's clock and disk: the adapters see ports only, so what they need is given here. */
import { fileIdentity } from '../platform/file-identity.ts';
import { systemClock } from '../platform/system-clock.ts';
import * as functions from '../sinks/function-sink.ts';
import type { Sink } from '../sinks/sink.ts';
import * as sqlite from '../sinks/sqlite-sink.ts';

/**
 * Records as rows of one SQLite table, opened with the first write; a database that was deleted or replaced
 * underneath is noticed before the next write. Requests of more than 5,000 rows are several transactions; keys
 * are idempotent, so a partial commit is safe to write again.
 *
 * `bool` is stored as 0/1, `timestamp` as ISO 8601 UTC text, `decimal` and `date` as text, integers exactly. An
 * existing table without `tierfall_key` is given that column and a unique index on it.
 * @throws ConfigError for an unusable file or table name
 */
export function sqliteSink(options: sqlite.SqliteSinkOptions): sqlite.SqliteSink {
  return sqlite.sqliteSink({ identityOf: fileIdentity, clock: systemClock, ...options });
}

/**
 * Wraps a function as a sink of records; what it throws is told apart by status and connection code. Calling
 * `write` twice calls the function twice.
 */
export function functionSink(
  write: functions.WriteFunction,
  options: functions.FunctionSinkOptions = {},
): Sink {
  return functions.functionSink(write, { clock: systemClock, ...options });
}
