import { describe, expect, it } from 'vitest';
import { framer } from '../../../src/codecs/codecs.ts';
import { Batch } from '../../../src/core/batch.ts';
import { ArrowTimeUnit, Decimal, Float64, Int64, Timestamp, Utf8 } from '../../../src/schema/arrow.ts';
import { batchOf, compiled, field, valuesOf } from '../schemas.ts';

const LONG = '12345678901234567890123456.789012345678';

describe('numbers of JSON', () => {
  it('keep all 38 digits of a decimal, which no double holds', () => {
    const { columns, residue } = compiled([field('v', new Decimal(12, 38))]).check(
      batchOf(`{"v":${LONG}}`),
      'all',
    );
    expect([valuesOf(columns), residue]).toEqual([[[LONG]], []]);
  });

  it('are no double when their text is none, and are rounded only within the precision', async () => {
    const text = '0.12345678901234567890123';
    const strict = compiled([field('v', new Float64())], { tolerance: 1 });
    expect(strict.check(batchOf(`{"v":${text}}`), 'all').residue[0]?.detail).toBe('v: precision 1x');
    expect((await strict.coerce(batchOf(`{"v":${text}}`), 'all')).columns.rows).toEqual([]);
    const tolerant = compiled([field('v', new Float64(), { precision: '1e-12' })], { tolerance: 1 });
    const { columns, loss } = await tolerant.coerce(batchOf(`{"v":${text}}`), 'all');
    expect([valuesOf(columns), loss.entries.map(({ kind, count }) => [kind, count])]).toEqual([
      [[0.12345678901234568]],
      [['rounded', 1]],
    ]);
  });

  it('conform as doubles when they are spelled with 17 digits', () => {
    const { columns } = compiled([field('v', new Float64())]).check(
      batchOf('{"v":0.10000000000000001}'),
      'all',
    );
    expect(valuesOf(columns)).toEqual([[0.1]]);
  });

  it('become text with every digit that is written', async () => {
    const written = [
      '0.10000000000000000001',
      '-1.234567890123456789e-30',
      '123456789012345678901234567890',
      '0.5',
    ];
    const schema = compiled([field('t', new Utf8())], { tolerance: 1 });
    const text = written.map((number) => `{"t":${number}}`).join('\n');
    const { columns, loss } = await schema.coerce(batchOf(text), 'all');
    expect(valuesOf(columns)).toEqual([written]);
    expect(loss.entries).toMatchObject([{ kind: 'text-from-number', lossless: true, count: 4 }]);
  });

  it('are not cut to the whole number that their double is', async () => {
    const schema = compiled([field('v', new Int64())], { tolerance: 1 });
    expect((await schema.coerce(batchOf('{"v":9007199254740993.25}'), 'all')).columns.rows).toEqual([]);
  });
});

describe('timestamps of line protocol', () => {
  it('count what the batch says, and nanoseconds when it says nothing', () => {
    const schema = compiled(
      [
        field('time', new Timestamp(ArrowTimeUnit.MILLISECOND, 'UTC')),
        field('v', new Float64()),
        field('measurement', new Utf8()),
      ],
      { tolerance: 1 },
    );
    const drifted = (precision?: string) => {
      const batch = new Batch(
        {
          body: 'm v=1.5 1767225600000\n',
          format: 'line-protocol',
          ...(precision ? { attributes: { precision } } : {}),
        },
        'test',
        framer,
        0,
      );
      return schema.check(batch, 'all').drift.entries.map(({ field: name, kind }) => `${name}: ${kind}`);
    };
    expect(drifted('ms')).toEqual([]);
    expect(drifted()).toEqual(['time: precision']);
  });
});
