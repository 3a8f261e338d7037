import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { functionSink } from '../../src/sinks/function-sink.ts';
import { httpSink } from '../../src/sinks/http-sink.ts';
import { memorySink } from '../../src/sinks/memory-sink.ts';
import type { SinkInput, SinkRecord } from '../../src/sinks/sink.ts';
import { sqliteSink } from '../../src/sinks/sqlite-sink.ts';
import { flakySink } from '../../src/testing/flaky-sink.ts';
import { type SinkHarness, sinkContract } from '../../src/testing/sink-contract.ts';
import { recordServer } from '../support/http/record-server.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const POISON = 2n ** 64n;

const field = (row: unknown, name: string): unknown => (row as SinkRecord)[name];

async function memory(accepts: SinkInput): Promise<SinkHarness> {
  const sink = memorySink({ accepts });
  return {
    sink,
    rows: async () => sink.rows,
    ...(accepts === 'bytes' ? {} : { cell: (row: unknown, { name }: { name: string }) => field(row, name) }),
    close: async () => {},
  };
}

async function overMap(): Promise<SinkHarness> {
  const held = new Map<string, SinkRecord>();
  const sink = functionSink(
    (records, { keys, mode }) => {
      const failed = [];
      for (const [index, record] of records.entries()) {
        const key = keys[index] ?? '';
        if (record['amount'] === POISON) failed.push({ index, reason: 'refused' as const, detail: 'too much' });
        else if (mode === 'upgrade' || !held.has(key)) held.set(key, record);
      }
      return { failed };
    },
    { idempotent: true, lookup: async (keys) => new Set(keys.filter((key) => held.has(key))) },
  );
  return { sink, rows: async () => held, cell: (row, { name }) => field(row, name), close: async () => {} };
}

async function sqlite(): Promise<SinkHarness> {
  const directory = temporaryDirectory();
  const file = `${directory}/target.db`;
  const sink = sqliteSink({ file, table: 'odd "table" name' });
  return {
    sink,
    rows: async () => {
      const database = new DatabaseSync(file, { readBigInts: true });
      const known = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table'").get();
      const rows = known ? database.prepare('SELECT * FROM "odd ""table"" name"').all() : [];
      database.close();
      return new Map(rows.map((row) => [String(row['tierfall_key']), row]));
    },
    cell: (row, { name }) => field(row, name),
    close: async () => {
      await sink.close();
      rmSync(directory, { recursive: true });
    },
  };
}

async function http(): Promise<SinkHarness> {
  const server = await recordServer({ refuses: ({ amount }) => amount === POISON });
  const sink = httpSink({
    url: server.url,
    keyField: 'key',
    idempotent: true,
    readAnswer: ({ status, text }) => (status === 200 ? JSON.parse(text) : undefined),
    lookup: async (keys) => new Set(keys.filter((key) => server.rows.has(key))),
  });
  return {
    sink,
    rows: async () => server.rows,
    cell: (row, { name, type }) => (type === 'float' ? numberOf(field(row, name)) : field(row, name)),
    close: async () => {
      await sink.close?.();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The server reads every whole number as a bigint. */
function numberOf(value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}

async function flaky(): Promise<SinkHarness> {
  const harness = await memory('records');
  return { ...harness, sink: flakySink(harness.sink) };
}

const HARNESSES: readonly (readonly [string, () => Promise<SinkHarness>, bigint | undefined])[] = [
  ['memorySink of records', () => memory('records'), undefined],
  ['memorySink of columns', () => memory('columns'), undefined],
  ['memorySink of bytes', () => memory('bytes'), undefined],
  ['functionSink', overMap, POISON],
  ['sqliteSink', sqlite, POISON],
  ['httpSink', http, POISON],
  ['flakySink left alone', flaky, undefined],
];

describe.each(HARNESSES)('%s', (_name, make, poison) => {
  const cases = sinkContract(make, poison === undefined ? {} : { poison });
  for (const { name, run } of cases) it(name, run);

  it('has cases at all', () => {
    expect(cases.length).toBeGreaterThan(10);
  });
});
