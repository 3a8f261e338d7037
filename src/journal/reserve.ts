/**
 * Space kept back for the writes that free space. On a full disk the checkpoint itself would find no room, and without a
 * checkpoint nothing may be deleted; nor would the segment that takes the place of one that holds nothing any more.
 *
 * What is held is let go only by `lend`: whoever waits for space would take it before it could be had again.
 */
import type { FileSystem } from '../core/file-system.ts';

const RESERVE_FILE = 'reserve';
const RESERVE_BYTES = 64 * 1024;
/** A block of most file systems: what there is no room for is found out to such a step. */
const STEP_BYTES = 4 * 1024;

/** Holds as much of the space as there is, up to all of it. @throws the system's error when that is not all of it */
async function grow(fs: FileSystem, path: string): Promise<void> {
  const held = (await fs.stat(path))?.size;
  if (held !== undefined && held >= RESERVE_BYTES) return;
  const file = await fs.open(path, held === undefined ? 'create' : 'append');
  try {
    for (let bytes = held ?? 0; bytes < RESERVE_BYTES; bytes += STEP_BYTES) {
      await file.append([new Uint8Array(Math.min(STEP_BYTES, RESERVE_BYTES - bytes))]);
    }
  } finally {
    await file.close();
  }
}

/** The reserve of one journal; what is asked of it is done one after the other. */
export class Reserve {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #path: string;
  #done: Promise<unknown> = Promise.resolve();

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
    this.#path = `${directory}/${RESERVE_FILE}`;
  }

  /** Holds what there is room for, beside what is held. Never fails: a disk that is full is no reason to. */
  keep(): Promise<void> {
    return this.#inTurn(() => this.#keep());
  }

  /** Gives the space back to the disk for `work`, and takes it again afterwards. Only while nobody appends. */
  lend<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#fs.unlink(this.#path).catch(() => undefined);
      // A file system with a journal hands out the space of a file only once its deletion is durable.
      await this.#fs.syncDirectory(this.#directory).catch(() => undefined);
      return await work().finally(() => this.#keep());
    });
  }

  async #keep(): Promise<void> {
    await grow(this.#fs, this.#path).catch(() => undefined);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#done.then(work);
    this.#done = done.catch(() => undefined);
    return done;
  }
}
