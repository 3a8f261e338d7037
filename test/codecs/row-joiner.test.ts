import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { framer } from '../../src/codecs/codecs.ts';
import { rowJoiner } from '../../src/codecs/row-joiner.ts';
import { Batch, type Format } from '../../src/core/batch.ts';
import { readBatches } from '../../src/ingress/files.ts';

async function batchesOf(
  body: Uint8Array | string,
  format: Format,
  batchRows: number,
): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  const input = Readable.from([Buffer.from(body)]);
  for await (const { input: own } of readBatches({ input, format, batchRows }))
    batches.push(new Batch(own, 's', framer, 0));
  return batches;
}

function rowsOf(batches: readonly Batch[]): readonly string[] {
  return batches.flatMap((batch) =>
    Array.from({ length: batch.rowCount }, (_, row) => Buffer.from(batch.frame.row(row)).toString()),
  );
}

/** Rows that `keeps` names by their number in the body, as one body. */
function joined(batches: readonly Batch[], format: Format, keeps: (row: number) => boolean): Uint8Array {
  const joiner = rowJoiner(format);
  let first = 0;
  const parts = batches.map((batch) => {
    const rows = Array.from({ length: batch.rowCount }, (_, row) => row).filter((row) => keeps(first + row));
    first += batch.rowCount;
    // As the residues of two reasons.
    return joiner.add(batch, [rows.filter((row) => row % 2 === 1), rows.filter((row) => row % 2 === 0)]);
  });
  return Buffer.concat([...parts, joiner.end()]);
}

const word = fc.constantFrom('a', 'é', '1', '"x"', '', '{"a":1}', '[1,2]');
const cell = fc.constantFrom('a', 'é', '1', '', '"x,y"', '"a\nb"', '"a\rb"', '"say ""hi"" x"');
const jsonPiece = fc.constantFrom(
  '{"a":[1,"]"]}',
  '[1,2]',
  '[]',
  '3',
  'nul',
  '"a,b"',
  ',',
  ']',
  '[',
  ',\n',
  '\n',
);

const BODIES: readonly (readonly [Format, fc.Arbitrary<string>])[] = [
  ['ndjson', fc.tuple(fc.array(word), fc.constantFrom('\n', '\r\n')).map(([rows, end]) => rows.join(end))],
  [
    'csv',
    fc
      .tuple(fc.array(fc.tuple(cell, cell)), fc.constantFrom('\n', '\r\n', '\r'), fc.constantFrom('', '"open'))
      .map(([rows, end, last]) => ['p,q', ...rows.map((row) => row.join()), last].join(end)),
  ],
  ['json', fc.array(jsonPiece).map((pieces) => pieces.join(''))],
  ['json', fc.array(jsonPiece).map((pieces) => `[${pieces.join()}`)],
  [
    'line-protocol',
    fc
      .tuple(
        fc.array(fc.constantFrom('m v=1', '# no point', '', 'm,t=a\\ b s="x\ny" 5', 'bad', 'm v=1i 7')),
        fc.constantFrom('', 'm s="open'),
      )
      .map(([rows, last]) => [...rows, last].join('\n')),
  ],
  ['opaque', fc.string({ minLength: 1 })],
];

describe('rows of many batches', () => {
  it.each(BODIES)('of %s are one body that frames to them', async (format, bodies) => {
    let many = 0;
    await fc.assert(
      fc.asyncProperty(
        bodies,
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
        async (body, batchRows, kept) => {
          const batches = await batchesOf(`${body}`, format, batchRows).catch(() => []);
          // Where a body is cut between rows that are damaged, the parts may frame to other rows than the whole.
          const uncut = new Batch({ body: `${body}`, format }, 's', framer, 0);
          fc.pre(JSON.stringify(rowsOf(batches)) === JSON.stringify(rowsOf([uncut])));
          const keeps = (row: number): boolean => kept[row % kept.length] ?? false;
          const expected = rowsOf(batches).filter((_, row) => keeps(row));
          const whole = joined(batches, format, keeps);
          if (expected.length === 0) {
            expect(Buffer.from(whole).toString()).toBe('');
            return;
          }
          many += expected.length > batchRows ? 1 : 0;
          expect(rowsOf(await batchesOf(whole, format, 3))).toEqual(expected);
          expect(rowsOf([new Batch({ body: whole, format }, 's', framer, 0)])).toEqual(expected);
        },
      ),
      { numRuns: 1000 },
    );
    expect(many).toBeGreaterThan(format === 'opaque' ? -1 : 50);
  });

  it('are JSON that others can read', async () => {
    const values = Array.from({ length: 9 }, (_, row) => ({ row, list: [[row]] }));
    for (const body of [JSON.stringify(values), values.map((value) => JSON.stringify(value)).join('\n')]) {
      const batches = await batchesOf(body, 'json', 2);
      const whole = joined(batches, 'json', (row) => row !== 3);
      expect(JSON.parse(Buffer.from(whole).toString())).toEqual(values.filter(({ row }) => row !== 3));
    }
  });

  it('are refused where a body cannot go on', () => {
    const batch = new Batch({ body: 'x', format: 'opaque' }, 's', framer, 0);
    const joiner = rowJoiner('opaque');
    joiner.add(batch, ['all']);
    expect(() => joiner.add(batch, ['all'])).toThrow(RangeError);
  });
});
