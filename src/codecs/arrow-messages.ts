/**
 * Finds the messages of an Arrow IPC body, stream or file, all of them checked.
 *
 *   stream  ┌ ffffffff (4) · metadata bytes (4, LE) · metadata, padded · body ┐ … ffffffff 00000000
 *   file    "ARROW1" 0 0 · a stream · footer · footer bytes (4, LE) · "ARROW1"
 *
 * Streams of before 0.15 have no ffffffff. A stream may end without its last eight bytes, but only between messages.
 */
import { TierfallError } from '../core/errors.ts';
import { damaged, unsupported } from './arrow-fault.ts';
import { checkFooter, checkMessage, type MessageKind, measureMessage } from './arrow-flatbuffer.ts';

export interface IpcMessage {
  readonly kind: MessageKind;
  readonly metadata: Uint8Array;
  readonly body: Uint8Array;
}

/** The schema is in the first message of a stream, and in the footer of a file. */
export type IpcMessages = (
  | { readonly schema: Uint8Array; readonly footer?: undefined }
  | { readonly schema?: undefined; readonly footer: Uint8Array }
) & { readonly messages: readonly IpcMessage[] };

const MAGIC = 'ARROW1';
const FEATHER_MAGIC = 'FEA1';
const CONTINUATION = 0xffffffff;
const FILE_HEAD_BYTES = 8;
const FILE_TAIL_BYTES = 4 + MAGIC.length;

function textAt(bytes: Uint8Array, start: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    'latin1',
    start,
    start + length,
  );
}

/** One message, and where the next one starts; undefined at the end of the stream. */
function messageAt(
  bytes: Uint8Array,
  at: number,
): { readonly message: IpcMessage; readonly end: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (at === bytes.length) return undefined;
  const first = view.getUint32(at, true);
  const head = first === CONTINUATION ? 8 : 4;
  const length = first === CONTINUATION ? view.getUint32(at + 4, true) : first;
  if (length === 0) return undefined;
  const start = at + head;
  if (length > bytes.length - start) throw damaged(`a message claims ${length} bytes`);
  const metadata = bytes.subarray(start, start + length);
  const { kind, bodyBytes } = measureMessage(metadata);
  const bodyAt = start + length;
  if (bodyBytes > bytes.length - bodyAt) throw damaged(`the body of a message claims ${bodyBytes} bytes`);
  checkMessage(metadata, bodyBytes);
  const end = bodyAt + bodyBytes;
  return { message: { kind, metadata, body: bytes.subarray(bodyAt, end) }, end };
}

/** Everything behind the end is refused: it would be lost without a word. */
function streamMessages(bytes: Uint8Array): IpcMessages {
  const messages: IpcMessage[] = [];
  let at = 0;
  for (let next = messageAt(bytes, at); next; next = messageAt(bytes, at)) {
    messages.push(next.message);
    at = next.end;
  }
  const rest = bytes.subarray(at);
  const isEnd =
    rest.length === 0 ||
    (rest.length <= 8 && rest.every((byte, index) => byte === (index < rest.length - 4 ? 255 : 0)));
  if (!isEnd) throw damaged(`${rest.length} bytes follow the end of the stream`);
  const [schema, ...batches] = messages;
  if (schema?.kind !== 'schema') throw damaged('it does not start with a schema');
  return { schema: schema.metadata, messages: batches };
}

function fileMessages(bytes: Uint8Array): IpcMessages {
  const end = bytes.length - FILE_TAIL_BYTES;
  if (end < FILE_HEAD_BYTES || textAt(bytes, end + 4, MAGIC.length) !== MAGIC) {
    throw damaged('the file does not end as it starts');
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset + end, 4).getUint32(0, true);
  if (length > end - FILE_HEAD_BYTES) throw damaged(`the footer claims ${length} bytes`);
  const data = bytes.subarray(0, end - length);
  const footer = bytes.subarray(end - length, end);
  const messages = checkFooter(footer).map(({ offset }) => {
    if (!(offset >= FILE_HEAD_BYTES && offset < data.length))
      throw damaged(`a message claims to be at byte ${offset}`);
    const found = messageAt(data, offset);
    if (!found) throw damaged('a message of the footer is empty');
    return found.message;
  });
  return { footer, messages };
}

/**
 * Dictionaries and record batches in the order they have to be read.
 * @throws InputError ARROW_DAMAGED or ARROW_UNSUPPORTED
 */
export function findMessages(bytes: Uint8Array): IpcMessages {
  if (textAt(bytes, 0, FEATHER_MAGIC.length) === FEATHER_MAGIC) throw unsupported('Feather of version 1');
  try {
    return textAt(bytes, 0, MAGIC.length) === MAGIC ? fileMessages(bytes) : streamMessages(bytes);
  } catch (error) {
    if (error instanceof TierfallError) throw error;
    throw damaged('an offset leads out of its metadata', error);
  }
}
