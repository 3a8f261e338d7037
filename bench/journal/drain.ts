/** Taking entries out: ranges that are read and checkpointed, beside the usual recipe, a row read and deleted at a time. */
import { DatabaseSync } from 'node:sqlite';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { drive, keysOf } from './drive.ts';
import { entryOf, openJournal } from './subjects.ts';

export interface Drain {
  readonly journalPerSecond: number;
  readonly recipePerSecond: number;
}

const ENTRIES = 60_000;
const OF_RECIPE = 2_000;
const RANGE_BYTES = 8 * 1024 * 1024;
const BODY_BYTES = 1024;

async function drainJournal(directory: string): Promise<number> {
  const journal = await openJournal(directory, nodeFileSystem);
  const running = {
    append: (body: Uint8Array, key: string) => journal.append(entryOf(body, key)),
    close: () => journal.close(),
  };
  await drive(running, { submitters: 256, bodyBytes: BODY_BYTES }, keysOf(0, ENTRIES));
  const started = performance.now();
  let drained = 0;
  for (let at = -1; drained < ENTRIES; ) {
    const range = await journal.read(at, RANGE_BYTES);
    drained += range.length;
    at = range.at(-1)?.seq ?? at;
    await journal.checkpoint(at);
  }
  const seconds = (performance.now() - started) / 1_000;
  await journal.close();
  return ENTRIES / seconds;
}

function drainRecipe(directory: string): number {
  const database = new DatabaseSync(`${directory}/recipe.db`);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE entries (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, body BLOB NOT NULL) STRICT');
  const insert = database.prepare('INSERT INTO entries (key, body) VALUES (?, ?)');
  database.exec('BEGIN');
  for (const key of keysOf(0, OF_RECIPE)) insert.run(key, Buffer.alloc(BODY_BYTES, 'telemetry '));
  database.exec('COMMIT');
  const read = database.prepare('SELECT seq, key, body FROM entries ORDER BY seq LIMIT 1');
  const remove = database.prepare('DELETE FROM entries WHERE seq = ?');
  const started = performance.now();
  for (let row = read.get(); row !== undefined; row = read.get()) remove.run(row['seq'] ?? null);
  const seconds = (performance.now() - started) / 1_000;
  database.close();
  return OF_RECIPE / seconds;
}

const [, , directory = ''] = process.argv;
const recipePerSecond = drainRecipe(directory);
const journalPerSecond = await drainJournal(directory);
process.stdout.write(JSON.stringify({ journalPerSecond, recipePerSecond } satisfies Drain));
