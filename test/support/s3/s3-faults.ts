/** Faults on order: which request is hit, at which moment, and how. */

import type { S3Code } from './s3-failure.ts';
import type { S3Operation } from './s3-request.ts';

export interface S3Fault {
  /** @default every one */
  readonly operation?: S3Operation;
  /** @default every one */
  readonly key?: RegExp;
  /** Requests it hits before it is used up. @default 1 */
  readonly times?: number;
  /** `after` is after the commit: the work is done, and only the answer suffers. @default 'before' */
  readonly when?: 'before' | 'after';
  /** Answers with this error. */
  readonly code?: S3Code;
  readonly retryAfterS?: number;
  /** Resets the connection instead of answering. */
  readonly reset?: boolean;
  /** Never answers. */
  readonly hang?: boolean;
  readonly delayMs?: number;
  /** Awaited before it strikes: what happens in the world meanwhile. */
  readonly meanwhile?: () => Promise<unknown>;
  /** Sends only so many bytes of the answer's body, then resets the connection. */
  readonly truncateBytes?: number;
  /** Sends only so many bytes, and says that they are all there are. */
  readonly shortenBytes?: number;
  /** Sends so many bytes of nothing as the answer, without saying how many. */
  readonly floodBytes?: number;
  /** Flips a bit of the body: of the request when `before`, of the answer when `after`. */
  readonly corrupt?: boolean;
}

interface Armed {
  readonly fault: S3Fault;
  left: number;
}

/** How many faults were ordered and which are left; the same seed hits the same requests. */
export class S3Faults {
  readonly #armed: Armed[] = [];
  #draw: (() => S3Fault | undefined) | undefined;
  #hits = 0;

  add(fault: S3Fault): this {
    this.#armed.push({ fault, left: fault.times ?? 1 });
    return this;
  }

  /** Every request draws one of `menu` with a chance of `share`. */
  atRandom(random: () => number, share: number, menu: readonly S3Fault[]): this {
    this.#draw = () => (random() < share ? menu[Math.floor(random() * menu.length)] : undefined);
    return this;
  }

  clear(): void {
    this.#armed.length = 0;
    this.#draw = undefined;
  }

  /** Requests that were hit. */
  get hits(): number {
    return this.#hits;
  }

  /** The fault of one request, decided as it arrives. */
  take(operation: S3Operation, key: string): S3Fault | undefined {
    const armed = this.#armed.find(({ fault, left }) => left > 0 && fits(fault, operation, key));
    if (armed) armed.left -= 1;
    const drawn = armed ? undefined : this.#draw?.();
    const fault = armed?.fault ?? (drawn && fits(drawn, operation, key) ? drawn : undefined);
    if (fault) this.#hits += 1;
    return fault;
  }
}

function fits(fault: S3Fault, operation: S3Operation, key: string): boolean {
  return (fault.operation ?? operation) === operation && (fault.key?.test(key) ?? true);
}
