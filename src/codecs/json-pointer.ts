/** JSON Pointers (RFC 6901): `/data/items`, `/pages/0/rows`; in a name, `~1` is `/` and `~0` is `~`. */

export interface PointerToken {
  /** Name of a member. */
  readonly name: string;
  readonly nameBytes: Uint8Array;
  /** The same as the index of an element; -1 when it is none. */
  readonly index: number;
}

/** From the outside in; empty = the whole document. */
export type Pointer = readonly PointerToken[];

const INDEX = /^(?:0|[1-9]\d{0,14})$/;
const encoder = new TextEncoder();

function tokenOf(text: string): PointerToken {
  const name = text.replaceAll('~1', '/').replaceAll('~0', '~');
  return { name, nameBytes: encoder.encode(name), index: INDEX.test(name) ? Number(name) : -1 };
}

/** @returns the pointer, or a sentence that says what is wrong with the text */
export function parsePointer(text: string): Pointer | string {
  if (text === '') return [];
  if (!text.startsWith('/')) return `${JSON.stringify(text)} is no JSON pointer: it does not start with "/"`;
  if (/~(?![01])/.test(text)) return `${JSON.stringify(text)} is no JSON pointer: a "~" has to be written "~0"`;
  return text.slice(1).split('/').map(tokenOf);
}
