/**
 * Group commit: writes that come in one turn of the event loop share a transaction, so that many small ones cost one wait
 * for the disk.
 *
 * C1 a write is answered after the COMMIT that holds it. C2 one whose statement is refused costs the others nothing: they
 * are written again by themselves. C3 a group has about `rowsMax` rows, so that the loop is not held up for longer. C4 who
 * gives up while the group waits for the database leaves it, and is told so.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SinkError } from '../core/errors.ts';
import type { RowFailure } from './row-failures.ts';

/** Rows of one request. */
export interface Write {
  readonly rows: number;
  readonly signal: AbortSignal;
}

interface Waiting<W> {
  readonly write: W;
  readonly resolve: (failures: readonly RowFailure[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface WriteGroupOptions<W extends Write> {
  readonly rowsMax: number;
  /**
   * Writes all of them in one transaction.
   * @param wanted those that are wanted still; asked at each attempt
   * @returns the failures of each
   * @throws SinkError: none of them is in, unless the reason is `ambiguous`
   */
  readonly commit: (wanted: () => readonly W[]) => Promise<ReadonlyMap<W, readonly RowFailure[]>>;
  /** What a write is told that was given up while it waited. */
  readonly aborted: () => SinkError;
}

export class WriteGroup<W extends Write> {
  readonly #options: WriteGroupOptions<W>;
  #waiting: Waiting<W>[] = [];
  #isDue = false;

  constructor(options: WriteGroupOptions<W>) {
    this.#options = options;
  }

  /** @throws SinkError: no row of it is in, unless the reason is `ambiguous` */
  add(write: W): Promise<readonly RowFailure[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ write, resolve, reject });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isDue || this.#waiting.length === 0) return;
    this.#isDue = true;
    void nextTurn().then(() => {
      this.#isDue = false;
      const group = this.#take();
      this.#schedule();
      return this.#commit(group);
    });
  }

  /** C3. */
  #take(): readonly Waiting<W>[] {
    let rows = 0;
    const end = this.#waiting.findIndex(({ write }, at) => {
      rows += write.rows;
      return at > 0 && rows > this.#options.rowsMax;
    });
    const group = end < 0 ? this.#waiting : this.#waiting.slice(0, end);
    this.#waiting = end < 0 ? [] : this.#waiting.slice(end);
    return group;
  }

  /** Never rejects. */
  async #commit(group: readonly Waiting<W>[]): Promise<void> {
    let left = group;
    // C4
    const wanted = (): readonly W[] => {
      for (const { write, reject } of left) if (write.signal.aborted) reject(this.#options.aborted());
      left = left.filter(({ write }) => !write.signal.aborted);
      return left.map(({ write }) => write);
    };
    if (wanted().length === 0) return;
    try {
      const failures = await this.#options.commit(wanted);
      for (const { write, resolve } of left) resolve(failures.get(write) ?? []);
    } catch (error) {
      const isOnesOwn = error instanceof SinkError && error.reason === 'refused';
      if (left.length > 1 && isOnesOwn) for (const each of left) await this.#commit([each]);
      else for (const { reject } of left) reject(error);
    }
  }
}
