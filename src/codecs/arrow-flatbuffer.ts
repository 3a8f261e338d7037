/**
 * Checks the metadata of Arrow IPC messages, before a library that trusts it sees it: a length of a vector beyond the
 * bytes there are would be two thousand million allocations, a field that is its own child a recursion without end.
 *
 * K1 every vector that is named lies within its buffer. K2 fields are bounded in depth and number, strings in bytes, by
 * the size of the buffer. K3 buffers of a record batch lie within its body.
 */
import { damaged, unsupported } from './arrow-fault.ts';

/** Where one vector of a table is. */
interface VectorSpan {
  readonly start: number;
  readonly length: number;
}

const DEPTH_MAX = 64;
/** Writers may share strings between fields. */
const STRING_SHARE_MAX = 16;
const REFUSED_TYPES: Readonly<Record<number, string>> = {
  11: 'an interval',
  14: 'a union',
  22: 'run-end encoding',
  25: 'a list view',
  26: 'a list view',
};

/** A table within a flatbuffer; every read is within the buffer or fails with a RangeError. */
class Table {
  readonly view: DataView;
  readonly at: number;
  readonly #slots: number;
  readonly #slotBytes: number;

  constructor(view: DataView, at: number) {
    this.view = view;
    this.at = at;
    this.#slots = at - view.getInt32(at, true);
    this.#slotBytes = view.getUint16(this.#slots, true);
  }

  /** Where the value of a slot is, or undefined when it has its default. */
  place(slot: number): number | undefined {
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.#slotBytes) return undefined;
    const offset = this.view.getUint16(this.#slots + entry, true);
    return offset === 0 ? undefined : this.at + offset;
  }

  byte(slot: number): number {
    const place = this.place(slot);
    return place === undefined ? 0 : this.view.getUint8(place);
  }

  long(slot: number): number {
    const place = this.place(slot);
    if (place === undefined) return 0;
    const value = Number(this.view.getBigInt64(place, true));
    if (value < 0 || !Number.isSafeInteger(value)) throw damaged(`a length is ${value}`);
    return value;
  }

  table(slot: number): Table | undefined {
    const place = this.place(slot);
    return place === undefined ? undefined : new Table(this.view, place + this.view.getUint32(place, true));
  }

  vector(slot: number, elementBytes: number): VectorSpan {
    const place = this.place(slot);
    if (place === undefined) return { start: 0, length: 0 };
    const at = place + this.view.getUint32(place, true);
    const length = this.view.getUint32(at, true);
    if (length * elementBytes > this.view.byteLength - at - 4)
      throw damaged(`a list claims ${length} elements`);
    return { start: at + 4, length };
  }

  tables(slot: number): Table[] {
    const { start, length } = this.vector(slot, 4);
    return Array.from({ length }, (_, index) => {
      const place = start + 4 * index;
      return new Table(this.view, place + this.view.getUint32(place, true));
    });
  }
}

/** What is left of the limits while one message is checked. */
interface Budget {
  fields: number;
  stringBytes: number;
}

function budgetOf(bytes: Uint8Array): Budget {
  return { fields: bytes.length, stringBytes: bytes.length * STRING_SHARE_MAX };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function rootOf(bytes: Uint8Array): Table {
  const view = viewOf(bytes);
  return new Table(view, view.getUint32(0, true));
}

function checkString(table: Table, slot: number, budget: Budget): void {
  budget.stringBytes -= table.vector(slot, 1).length;
  if (budget.stringBytes < 0) throw damaged('its names are longer than its metadata');
}

function checkPairs(table: Table, slot: number, budget: Budget): void {
  for (const pair of table.tables(slot)) {
    checkString(pair, 0, budget);
    checkString(pair, 1, budget);
  }
}

function checkField(field: Table, depth: number, budget: Budget): void {
  budget.fields -= 1;
  if (depth > DEPTH_MAX || budget.fields < 0) throw damaged('its schema is nested without end');
  checkString(field, 0, budget);
  const refused = REFUSED_TYPES[field.byte(2)];
  if (refused !== undefined) throw unsupported(refused);
  checkPairs(field, 6, budget);
  for (const child of field.tables(5)) checkField(child, depth + 1, budget);
}

function checkSchema(schema: Table, budget: Budget): void {
  if (schema.byte(0) !== 0) throw unsupported('big-endian data');
  for (const field of schema.tables(1)) checkField(field, 0, budget);
  checkPairs(schema, 2, budget);
}

function checkBatch(batch: Table, bodyBytes: number): void {
  batch.long(0);
  batch.vector(1, 16);
  batch.vector(4, 8);
  const { start, length } = batch.vector(2, 16);
  for (let index = 0; index < length; index += 1) {
    const offset = Number(batch.view.getBigInt64(start + 16 * index, true));
    const bytes = Number(batch.view.getBigInt64(start + 16 * index + 8, true));
    if (offset < 0 || bytes < 0 || offset + bytes > bodyBytes) throw damaged(`a buffer claims ${bytes} bytes`);
  }
}

export type MessageKind = 'schema' | 'dictionary' | 'batch' | 'other';

const KINDS: readonly MessageKind[] = ['other', 'schema', 'dictionary', 'batch'];

/** The kind of a message and the size of its body, which is all that has to be known to find the next one. */
export function measureMessage(metadata: Uint8Array): {
  readonly kind: MessageKind;
  readonly bodyBytes: number;
} {
  const message = rootOf(metadata);
  return { kind: KINDS[message.byte(1)] ?? 'other', bodyBytes: message.long(3) };
}

/** @throws InputError ARROW_DAMAGED or ARROW_UNSUPPORTED; RangeError for offsets beyond the buffer */
export function checkMessage(metadata: Uint8Array, bodyBytes: number): void {
  const message = rootOf(metadata);
  const budget = budgetOf(metadata);
  checkPairs(message, 4, budget);
  const header = message.table(2);
  if (!header) throw damaged('a message has no header');
  const kind = KINDS[message.byte(1)];
  if (kind === 'schema') checkSchema(header, budget);
  if (kind === 'batch') checkBatch(header, bodyBytes);
  const dictionary = kind === 'dictionary' ? header.table(1) : undefined;
  if (dictionary) checkBatch(dictionary, bodyBytes);
  else if (kind === 'dictionary') throw damaged('a dictionary has no values');
}

/** A message of the file format. */
export interface Block {
  readonly offset: number;
}

const BLOCK_BYTES = 24;

/**
 * The blocks of a footer: dictionaries first, then record batches, each in the order of the file. The schema is checked.
 * @throws InputError ARROW_DAMAGED or ARROW_UNSUPPORTED; RangeError for offsets beyond the buffer
 */
export function checkFooter(footer: Uint8Array): Block[] {
  const root = rootOf(footer);
  const schema = root.table(1);
  if (!schema) throw damaged('the file has no schema');
  checkSchema(schema, budgetOf(footer));
  return [2, 3].flatMap((slot) => {
    const { start, length } = root.vector(slot, BLOCK_BYTES);
    return Array.from({ length }, (_, index) => ({
      offset: Number(root.view.getBigInt64(start + BLOCK_BYTES * index, true)),
    }));
  });
}
