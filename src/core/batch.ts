/**
 * A batch: the unit of routing. Everything derived from its bytes (encoding, framing, key) is computed on
 * first use and kept, so a batch that lands whole pays for none of it.
 *
 * B1 `body` is exactly the bytes received. B2 rows are addressed by index into the frame. B3 the key that
 * reaches the sink never changes while the batch lives.
 */
import { BatchError } from './errors.ts';
import { batchKey, rowKey } from './keys.ts';

export const FORMATS = ['ndjson', 'json', 'csv', 'line-protocol', 'arrow-ipc', 'opaque'] as const;
export type Format = (typeof FORMATS)[number];

export const PRIORITIES = ['critical', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** The first of `PRIORITIES` that is among these; `normal` when there are none. */
export function highestPriority(priorities: readonly Priority[]): Priority {
  return PRIORITIES.find((priority) => priorities.includes(priority)) ?? 'normal';
}

/** What a caller hands to `submit()`. */
export interface BatchInput {
  /** The bytes exactly as received; a string is taken as UTF-8. */
  readonly body: Uint8Array | string;
  readonly format: Format;
  /** The caller's identity of this batch. @default the content */
  readonly id?: string;
  /** Batches with one key are applied in submit order. */
  readonly orderingKey?: string;
  /** @default 'normal' */
  readonly priority?: Priority;
  /**
   * Travel to every tier, object row, job and log line. One is read: in format `json`, `json-path` is a JSON Pointer to the
   * array whose elements are the records (`/data/items`).
   */
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Where the rows of a body are: offsets only, no copies. */
export interface Frame {
  readonly rowCount: number;
  /** Where each row starts and ends in the body; undefined for formats whose rows are not spans of bytes. */
  readonly spans: Spans | undefined;
  /** The bytes of one row, without separators: a view into the body. */
  row(index: number): Uint8Array;
}

/** Row i is bytes `starts[i]` to `ends[i]`; both have at least as many elements as there are rows. */
export interface Spans {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Framing by format, given to batches by whoever makes them; pure. Attributes may say where in a body its rows are. */
export interface Framer {
  /** Number of rows, without building a frame. */
  count(body: Uint8Array, format: Format, attributes?: Readonly<Record<string, string>>): number;
  frame(body: Uint8Array, format: Format, attributes?: Readonly<Record<string, string>>): Frame;
}

/** Identity of rows that were deferred and come back: the original key, and the original index of each row. */
export interface Origin {
  readonly batchKey: string;
  /** Original row index by row of this body; undefined = the same. */
  readonly rows: readonly number[] | undefined;
  /**
   * Whether these rows are what is left of a batch that was within tolerance: among themselves they would be no measure of
   * it, because the rows that conform have landed. @default false
   */
  readonly isRemainder?: boolean;
}

const encoder = new TextEncoder();
const NO_ATTRIBUTES: Readonly<Record<string, string>> = Object.freeze({});

export class Batch {
  readonly stream: string;
  readonly format: Format;
  readonly id: string | undefined;
  readonly orderingKey: string | undefined;
  readonly priority: Priority;
  readonly attributes: Readonly<Record<string, string>>;
  /** Wall clock at acceptance, milliseconds since 1970. */
  readonly receivedAtMs: number;
  readonly #framer: Framer;
  readonly #origin: Origin | undefined;
  #body: Uint8Array | string;
  #bytes = -1;
  #rowCount = -1;
  #frame: Frame | undefined;
  #key: string | undefined;

  constructor(input: BatchInput, stream: string, framer: Framer, receivedAtMs: number, origin?: Origin) {
    this.stream = stream;
    this.format = input.format;
    this.id = input.id;
    this.orderingKey = input.orderingKey;
    this.priority = input.priority ?? 'normal';
    this.attributes = input.attributes ?? NO_ATTRIBUTES;
    this.receivedAtMs = receivedAtMs;
    this.#framer = framer;
    this.#origin = origin;
    this.#body = input.body;
  }

  get body(): Uint8Array {
    if (typeof this.#body === 'string') this.#body = encoder.encode(this.#body);
    return this.#body;
  }

  /** Size of the body in bytes. */
  get bytes(): number {
    if (this.#bytes < 0) {
      this.#bytes = typeof this.#body === 'string' ? Buffer.byteLength(this.#body) : this.#body.byteLength;
    }
    return this.#bytes;
  }

  get rowCount(): number {
    if (this.#frame) return this.#frame.rowCount;
    if (this.#rowCount < 0) {
      this.#rowCount =
        this.format === 'opaque' ? 1 : this.#framer.count(this.body, this.format, this.attributes);
    }
    return this.#rowCount;
  }

  get frame(): Frame {
    this.#frame ??= this.#framer.frame(this.body, this.format, this.attributes);
    return this.#frame;
  }

  /** 128-bit idempotency key, 32 hex digits; of the original batch when these rows come back from a store. */
  get key(): string {
    this.#key ??= this.#origin?.batchKey ?? batchKey(this.stream, this.id, this.body);
    return this.#key;
  }

  /** The key, if somebody has needed it; never hashes. */
  get knownKey(): string | undefined {
    return this.#key;
  }

  /** Whether the rows that conform have landed before, so that the part of the others says nothing. */
  get isRemainder(): boolean {
    return this.#origin?.isRemainder ?? false;
  }

  /** The index a row had in the batch it was first submitted in. */
  originalRow(row: number): number {
    return this.#origin?.rows?.[row] ?? row;
  }

  /** Stable key of a record that has no declared key fields. */
  rowKey(row: number): string {
    return rowKey(this.key, this.originalRow(row));
  }
}

/** Refuses what no tier could ever take, with the reason; nothing has been done when it throws. */
export function checkBatchInput(input: BatchInput, bytesMax: number): void {
  if (!FORMATS.includes(input.format)) {
    throw new BatchError('BATCH_FORMAT_UNKNOWN', `format ${JSON.stringify(input.format)} is not known`, {
      hint: `Use one of ${FORMATS.join(', ')}.`,
    });
  }
  if (typeof input.body !== 'string' && !(input.body instanceof Uint8Array)) {
    throw new BatchError('BATCH_BODY_INVALID', `body must be bytes or a string, found ${typeof input.body}`, {
      hint: 'Pass a Uint8Array (or Buffer) with the bytes as received.',
    });
  }
  if (input.body.length === 0) {
    throw new BatchError('BATCH_EMPTY', 'the batch has no bytes', { hint: 'Do not submit empty batches.' });
  }
  if (input.body.length > bytesMax) {
    throw new BatchError(
      'BATCH_TOO_LARGE',
      `the batch has ${input.body.length} bytes, the limit is ${bytesMax}`,
      {
        hint: 'Split it, or raise batchBytesMax if memory allows.',
      },
    );
  }
}
