import * as arrow from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { readArrowIpc } from '../../src/codecs/arrow-ipc.ts';
import { decodeRow, framer } from '../../src/codecs/codecs.ts';
import { batchOf } from '../codecs/batches.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';

const END = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0);

/** A stream that repeats its one batch, a million nulls that take no byte, `batches` times. */
function unbackedNulls(batches: number): Uint8Array {
  const schema = new arrow.Schema([new arrow.Field('n', new arrow.Null(), true)]);
  const length = 1_000_000;
  const child = arrow.makeData({ type: new arrow.Null(), length });
  const data = arrow.makeData({
    type: new arrow.Struct(schema.fields),
    length,
    nullCount: 0,
    children: [child],
  });
  const bytes = arrow.tableToIPC(new arrow.Table(schema, [new arrow.RecordBatch(schema, data)]), 'stream');
  const schemaEnd = 8 + new DataView(bytes.buffer, bytes.byteOffset).getInt32(4, true);
  const batch = bytes.subarray(schemaEnd, bytes.length - END.length);
  return Buffer.concat([bytes.subarray(0, schemaEnd), ...new Array<Uint8Array>(batches).fill(batch), END]);
}

describe('Arrow data made to harm', () => {
  it('is refused when many batches claim rows that nothing backs, and is one row of a batch', () => {
    expect(framer.count(unbackedNulls(1), 'arrow-ipc')).toBe(1_000_000);
    const bytes = unbackedNulls(1000);
    const cpuMs = cpuStopwatch();
    expect(framer.count(bytes, 'arrow-ipc')).toBe(1);
    expect(() => readArrowIpc(bytes)).toThrow(expect.objectContaining({ code: 'ARROW_DAMAGED' }));
    expect(() => decodeRow(batchOf(bytes, 'arrow-ipc'), 0)).toThrow('its batches claim 286720');
    expect(cpuMs()).toBeLessThan(1000);
  });

  it('takes time by its bytes, however many columns it has', () => {
    const columns = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`c${at}`, Int8Array.of(1)]));
    const bytes = arrow.tableToIPC(arrow.tableFromArrays(columns), 'stream');
    const cpuMs = cpuStopwatch();
    expect(framer.count(bytes, 'arrow-ipc')).toBe(1);
    expect(cpuMs()).toBeLessThan(500);
  });
});
