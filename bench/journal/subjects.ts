/** What is timed: each subject takes a body and resolves when a power cut could not take it any more. */
import { open } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FileSystem } from '../../src/core/file-system.ts';
import type { Journal, RawEntry } from '../../src/journal/journal.ts';
import { openSegmentJournal } from '../../src/journal/segment-journal.ts';
import { systemClock } from '../../src/platform/system-clock.ts';
import { clockedDisk, noDisk, type SyncClock, timedSync } from './slow-disk.ts';

export interface Running {
  /** `key` differs from call to call. */
  append(body: Uint8Array, key: string): Promise<unknown>;
  close(): Promise<void>;
}

export type Subject = (directory: string, clock: SyncClock) => Promise<Running>;

const GROUP_BYTES = 1024 * 1024;
const VECTOR_MAX = 1024;

export function entryOf(body: Uint8Array, key: string): RawEntry {
  return {
    purpose: 'replay',
    key,
    orderingKey: 'site-7',
    priority: 'normal',
    format: 'ndjson',
    attributes: {},
    receivedAtMs: 1_700_000_000_000,
    reason: 'unavailable',
    trail: '{"passages":[{"tier":"primary","reason":"unavailable","rows":1,"attempts":1}]}',
    rowCount: 1,
    rows: undefined,
    sha256: `${key}${key}`,
    body,
  };
}

export function openJournal(directory: string, fs: FileSystem): Promise<Journal> {
  const lock = async () => ({ release: () => {} });
  return openSegmentJournal({ directory, chain: 'bench', fs, clock: systemClock, emit: () => {}, lock });
}

async function journalOn(directory: string, fs: FileSystem): Promise<Running> {
  const journal = await openJournal(directory, fs);
  return {
    append: (body, key) => journal.append(entryOf(body, key)),
    close: () => journal.close(),
  };
}

interface Waiting {
  readonly body: Uint8Array;
  readonly resolve: () => void;
}

/** The floor: bodies and nothing else, appended and synced by whoever waits; the same bytes per group as the journal. */
async function bareGroupCommit(directory: string, clock: SyncClock): Promise<Running> {
  const file = await open(`${directory}/bare`, 'a');
  let waiting: Waiting[] = [];
  let isPumping = false;
  const takeGroup = (): Waiting[] => {
    let bytes = 0;
    let count = 0;
    for (const { body } of waiting) {
      if (count > 0 && bytes + body.length > GROUP_BYTES) break;
      bytes += body.length;
      count += 1;
    }
    const group = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return group;
  };
  const pump = async (): Promise<void> => {
    isPumping = true;
    while (waiting.length > 0) {
      await nextTurn();
      const group = takeGroup();
      for (let at = 0; at < group.length; at += VECTOR_MAX) {
        await file.writev(group.slice(at, at + VECTOR_MAX).map(({ body }) => body));
      }
      await timedSync(clock, () => file.datasync());
      for (const { resolve } of group) resolve();
    }
    isPumping = false;
  };
  return {
    append: (body) =>
      new Promise<void>((resolve) => {
        waiting.push({ body, resolve });
        if (!isPumping) void pump();
      }),
    close: () => file.close(),
  };
}

/** The usual recipe: one INSERT and COMMIT per batch; WAL with synchronous=FULL. */
async function insertCommit(directory: string): Promise<Running> {
  const database = new DatabaseSync(`${directory}/recipe.db`);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE entries (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, body BLOB NOT NULL) STRICT');
  const insert = database.prepare('INSERT INTO entries (key, body) VALUES (?, ?)');
  return {
    append: async (body, key) => insert.run(key, body),
    close: async () => database.close(),
  };
}

export const SUBJECTS = {
  tierfall: (directory, clock) => journalOn(directory, clockedDisk(clock)),
  'tierfall, no disk': (directory) => journalOn(directory, noDisk),
  'append + fdatasync': bareGroupCommit,
  'INSERT + COMMIT': insertCommit,
} as const satisfies Readonly<Record<string, Subject>>;

export type SubjectName = keyof typeof SUBJECTS;
