/** Valid bodies of every format, small enough to be changed many thousand times. */
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Format } from '../../src/core/batch.ts';
import { duckdbParquet } from '../codecs/parquet-files.ts';

const RECORDS = Array.from({ length: 12 }, (_, id) => ({
  id,
  text: `wörd "${id}" \\ `,
  temp: id / 3,
  big: 9_007_199_254_740_993n + BigInt(id),
  at: `2024-02-29T12:00:${String(id).padStart(2, '0')}.5Z`,
  ok: id % 2 === 0,
  none: null,
  tags: ['a', { b: [id] }],
}));

const NDJSON = RECORDS.map((record) =>
  JSON.stringify(record, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
).join('\n');

const CSV = [
  'id,text,temp,at,ok',
  ...RECORDS.map(({ id, temp, at, ok }) => `${id},"a ""quoted"",\ncell ${id}",${temp},${at},${ok}`),
].join('\r\n');

const POINTS = RECORDS.map(
  ({ id, temp, ok }) =>
    `weather\\ now,station=s${id},city=New\\ York id=${id}i,temp=${temp},ok=${ok},text="a \\"b\\",\nc" 17000000000000000${id % 10}`,
).join('\n');

export interface Specimen {
  readonly name: string;
  readonly format: Format;
  readonly body: Uint8Array;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Bodies that are submitted as batches. */
export function specimens(): readonly Specimen[] {
  const table = tableFromArrays({
    id: Int32Array.from(RECORDS, ({ id }) => id),
    text: RECORDS.map(({ text }) => text),
    big: BigInt64Array.from(RECORDS, ({ big }) => big),
    temp: Float64Array.from(RECORDS, ({ temp }) => temp),
  });
  const text = (name: string, format: Format, body: string, attributes?: Specimen['attributes']): Specimen => ({
    name,
    format,
    body: Buffer.from(body),
    ...(attributes ? { attributes } : {}),
  });
  const array = `[${NDJSON.replaceAll('\n', ',\n')}]`;
  return [
    text('ndjson', 'ndjson', NDJSON),
    text('json', 'json', array),
    text('json-path', 'json', `{"meta":{"n":1},"data":{"items":${array}}}`, { 'json-path': '/data/items' }),
    text('csv', 'csv', CSV),
    text('line-protocol', 'line-protocol', POINTS),
    { name: 'arrow-stream', format: 'arrow-ipc', body: tableToIPC(table, 'stream') },
    { name: 'arrow-file', format: 'arrow-ipc', body: tableToIPC(table, 'file') },
  ];
}

/** Parquet files of two writers: nested, repeated, with dictionaries and without, packed in several ways. */
export async function parquetSpecimens(): Promise<readonly Uint8Array[]> {
  const table = `create table t as select i a, 'w'||(i%3) s, [i, null] l, {'x': i, 'y': [i::varchar]} st,
    (i||'.5')::decimal(9,1) d, map {'k': i} m, timestamp '2020-01-01'+interval (i) hour ts, i::double/3 f,
    case when i%2=0 then null else i%3=0 end b from range(20) r(i)`;
  const packed = (options: string): Promise<Uint8Array> =>
    duckdbParquet(table, `copy t to 'FILE' (format parquet, ${options})`);
  const delta = parquetWriteBuffer({
    codec: 'UNCOMPRESSED',
    columnData: [
      { name: 'n', data: [1, 2, 3, 500, -7], type: 'INT32', encoding: 'DELTA_BINARY_PACKED' },
      { name: 't', data: ['aa', 'aab', 'b', '', 'bb'], type: 'STRING', encoding: 'DELTA_BYTE_ARRAY' },
      { name: 'u', data: ['x', 'y', 'x', 'x', 'zz'], type: 'STRING', encoding: 'DELTA_LENGTH_BYTE_ARRAY' },
      { name: 'v', data: [0.5, 1, 2, 3, 4], type: 'DOUBLE', encoding: 'BYTE_STREAM_SPLIT' },
    ],
  });
  return [
    await packed("codec 'uncompressed'"),
    await packed("codec 'snappy', parquet_version 'V2'"),
    await packed("codec 'zstd'"),
    await packed("codec 'lz4_raw'"),
    new Uint8Array(delta),
  ];
}
