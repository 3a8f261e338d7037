import fc from 'fast-check';
import { snappyUncompress } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { decodeSnappy } from '../../src/codecs/snappy.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';

/** A page made of literals and copies as drawn, with what it unpacks to. */
const page = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => ({ bytes })),
      fc.record({ back: fc.nat(), length: fc.integer({ min: 1, max: 64 }), form: fc.constantFrom(1, 2, 3) }),
    ),
    { maxLength: 40 },
  )
  .map((steps) => {
    const packed: number[] = [];
    const plain: number[] = [];
    for (const step of steps) {
      if ('bytes' in step) addLiteral(packed, plain, step.bytes);
      else if (plain.length > 0) addCopy(packed, plain, step);
    }
    return { packed: Uint8Array.from([...varint(plain.length), ...packed]), plain: Uint8Array.from(plain) };
  });

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

function addLiteral(packed: number[], plain: number[], bytes: Uint8Array): void {
  const length = bytes.length - 1;
  if (length < 60) packed.push(length << 2);
  else if (length < 256) packed.push(60 << 2, length);
  else packed.push(61 << 2, length & 255, length >> 8);
  packed.push(...bytes);
  plain.push(...bytes);
}

function addCopy(
  packed: number[],
  plain: number[],
  { back, length, form }: { readonly back: number; readonly length: number; readonly form: number },
): void {
  const offset = (back % Math.min(plain.length, form === 1 ? 2047 : 65_535)) + 1;
  const count = form === 1 ? 4 + (length % 8) : length;
  if (form === 1) packed.push(((offset >> 8) << 5) | ((count - 4) << 2) | 1, offset & 255);
  else if (form === 2) packed.push(((count - 1) << 2) | 2, offset & 255, offset >> 8);
  else packed.push(((count - 1) << 2) | 3, offset & 255, (offset >> 8) & 255, 0, 0);
  for (let index = 0; index < count; index += 1) plain.push(plain[plain.length - offset] as number);
}

function unpacked(packed: Uint8Array, bytes: number): Uint8Array {
  const output = new Uint8Array(bytes);
  decodeSnappy(packed, output);
  return output;
}

describe('Snappy', () => {
  it('unpacks literals and copies of every form, as another reader does', () => {
    fc.assert(
      fc.property(page, ({ packed, plain }) => {
        expect(unpacked(packed, plain.length)).toEqual(plain);
        const other = new Uint8Array(plain.length);
        if (plain.length > 0) snappyUncompress(packed, other);
        expect(other).toEqual(plain);
      }),
      { numRuns: 500 },
    );
  });

  it('is refused, or fills exactly what was claimed, whatever is changed', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    fc.assert(
      fc.property(page, fc.array(change, { minLength: 1, maxLength: 4 }), ({ packed, plain }, changes) => {
        const changed = Uint8Array.from(packed);
        for (const [at, byte] of changes) changed[at % changed.length] = byte;
        const cpuMs = cpuStopwatch();
        try {
          unpacked(changed, plain.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
        expect(cpuMs()).toBeLessThan(1000);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['a copy from four gigabytes before', [2, 7, 255, 255, 255, 255]],
    ['a copy from before the beginning', [4, 0, 97, 14, 9, 0]],
    ['a copy from nowhere', [4, 0, 97, 14, 0, 0]],
    ['a literal of four gigabytes', [4, 63 << 2, 255, 255, 255, 255]],
    ['another length than was claimed', [5, 12, 97, 98, 99, 100]],
    ['an end in the middle', [4, 12, 97, 98]],
    ['no bytes at all', []],
  ])('is refused with %s', (_, bytes) => {
    expect(() => unpacked(Uint8Array.from(bytes), 4)).toThrow(RangeError);
  });
});
