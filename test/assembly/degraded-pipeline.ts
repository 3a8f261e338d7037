/** A pipeline whose producer writes a field that the schema does not know yet, over a real database. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import {
  compileSchema,
  createFallback,
  type Fallback,
  type FallbackOptions,
  sqliteSink,
} from '../../src/index.ts';
import { type DataType, Field, Int64, Schema, Utf8 } from '../../src/schema/arrow.ts';
import { type FlakySink, flakySink } from '../../src/testing/flaky-sink.ts';
import { MemoryStore } from '../../src/testing/memory-store.ts';

function optional(name: string, type: DataType): Field {
  return new Field(name, type, true, new Map([['optional', 'true']]));
}

const TITLE = optional('title', new Utf8());

function idField(isKey: boolean): Field {
  return new Field('id', new Int64(), false, isKey ? new Map([['key', 'true']]) : new Map());
}

/** @param isKey whether `id` is declared as the key of a record */
export function narrow(isKey = false) {
  return compileSchema(new Schema([idField(isKey), TITLE]), { tolerance: 1 });
}

/** With the field `site` that `narrow` strips. */
export function wide(isKey = false) {
  return compileSchema(new Schema([idField(isKey), TITLE, optional('site', new Utf8())]), { tolerance: 1 });
}

/** Strange enough that nothing but the same bytes is equal. */
export function siteOf(id: number): string {
  return `north-${id} "naïve" 漢字\u0007\t\u{1f3ac}`;
}

export function drifted(id: number, site = siteOf(id)): string {
  return JSON.stringify({ id, title: `t${id}`, site });
}

export interface DegradedPipeline {
  readonly directory: string;
  readonly store: MemoryStore;
  readonly sink: FlakySink;
  open(options?: Partial<FallbackOptions>): Promise<Fallback>;
  submit(fallback: Fallback, lines: readonly string[], id?: string): Promise<void>;
  /** Of the table, by id; or of another question to its database. */
  rows(question?: string): readonly Readonly<Record<string, unknown>>[];
  sql(statement: string): void;
  close(): Promise<void>;
}

export async function degradedPipeline(): Promise<DegradedPipeline> {
  const directory = await mkdtemp(join(tmpdir(), 'tierfall-heal-'));
  const file = join(directory, 'sink.db');
  const store = new MemoryStore();
  const sink = flakySink(sqliteSink({ file, table: 'records' }));
  const opened: Fallback[] = [];
  const query = <T>(ask: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(file);
    try {
      return ask(database);
    } finally {
      database.close();
    }
  };
  return {
    directory,
    store,
    sink,
    async open(options = {}) {
      const shared = { dir: join(directory, 'data'), sink, store, worker: false as const };
      const fallback = await createFallback({ schema: narrow(), ...shared, ...options });
      opened.push(fallback);
      return fallback;
    },
    async submit(fallback, lines, id) {
      const body = `${lines.join('\n')}\n`;
      await fallback.submit({ body, format: 'ndjson', ...(id === undefined ? {} : { id }) });
    },
    rows: (question = 'SELECT * FROM records ORDER BY id') =>
      query((database) => database.prepare(question).all()),
    sql: (statement) => query((database) => database.exec(statement)),
    async close() {
      for (const fallback of opened) await fallback.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
