/** Outages of a SQLite sink, made from outside by holding its write lock. */
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

export interface SinkOutage {
  /** The sink writes again. */
  end(): Promise<void>;
}

/** Takes the sink's write lock at once and keeps it until it is ended. */
export function outageFrom(file: string): SinkOutage {
  const database = new DatabaseSync(file, { timeout: 1_000 });
  database.exec('BEGIN IMMEDIATE');
  return { end: async () => database.close() };
}

/** Takes the sink's write lock for random spans until it is ended. */
export function outageOf(file: string, random: () => number): SinkOutage {
  let isOver = false;
  const done = (async () => {
    const database = new DatabaseSync(file, { timeout: 200 });
    while (!isOver) {
      await pause(random() * 400);
      try {
        database.exec('BEGIN IMMEDIATE');
      } catch {
        continue;
      }
      await pause(isOver ? 0 : random() * 500);
      database.exec('ROLLBACK');
    }
    database.close();
  })();
  return {
    end: async () => {
      isOver = true;
      await done;
    },
  };
}
