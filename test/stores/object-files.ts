/** Files of objects for tests, and DuckDB as the reader that shares no code with ours. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { expect } from 'vitest';
import { sha256 } from '../../src/core/keys.ts';
import type { JournalEntry } from '../../src/journal/journal.ts';
import { sampleEntry } from '../../src/testing/journal-contract.ts';

export function entry(seq: number, body: Uint8Array, changes: Partial<JournalEntry> = {}): JournalEntry {
  return { ...sampleEntry(seq), body, sha256: sha256(body), seq, ...changes };
}

/** Bodies compared as Buffers: comparing megabytes number by number takes seconds. */
export function expectSame(found: readonly JournalEntry[], expected: readonly JournalEntry[]): void {
  expect(found.length).toBe(expected.length);
  for (const [i, one] of expected.entries()) {
    expect(Buffer.compare(found[i]?.body ?? new Uint8Array(1), one.body)).toBe(0);
    expect({ ...found[i], body: null }).toEqual({ ...one, body: null });
  }
}

export class DuckReader {
  readonly #directory: string;
  readonly #connection: DuckDBConnection;

  private constructor(directory: string, connection: DuckDBConnection) {
    this.#directory = directory;
    this.#connection = connection;
  }

  static async open(): Promise<DuckReader> {
    const directory = await mkdtemp(join(tmpdir(), 'tierfall-parquet-'));
    return new DuckReader(directory, await (await DuckDBInstance.create(':memory:')).connect());
  }

  async close(): Promise<void> {
    this.#connection.closeSync();
    await rm(this.#directory, { recursive: true });
  }

  async save(bytes: Uint8Array): Promise<string> {
    const path = join(this.#directory, `${sha256(bytes).slice(0, 16)}.parquet`);
    await writeFile(path, bytes);
    return path;
  }

  async rows(sql: string) {
    return (await this.#connection.runAndReadAll(sql)).getRowObjects();
  }

  async query(bytes: Uint8Array, select: string, where = 'true') {
    return this.rows(`select ${select} from read_parquet('${await this.save(bytes)}') where ${where}`);
  }

  /** What the footer says about the chunks of one column, row group by row group. */
  async chunks(bytes: Uint8Array, column: string) {
    const path = await this.save(bytes);
    return this.rows(
      `select * from parquet_metadata('${path}') where path_in_schema = '${column}' order by row_group_id`,
    );
  }
}
