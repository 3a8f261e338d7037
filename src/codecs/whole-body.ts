/** Formats whose body is one row: bytes nobody looks into. */
import { type Codec, NO_BYTES } from './codec.ts';

export const wholeBody: Codec = {
  scan(body, visit) {
    visit(0, body.length);
  },
  decode(bytes) {
    return { value: bytes };
  },
  wrap() {
    return { head: NO_BYTES, separator: NO_BYTES, tail: NO_BYTES };
  },
};
