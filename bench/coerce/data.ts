/** The bodies that are coerced, each NDJSON, with the schema that clean records conform to. */
import { readFileSync } from 'node:fs';
import { Field, Float64, Int32, Schema } from '../../src/schema/arrow.ts';
import { telemetryBody, telemetrySchema } from '../telemetry-records.ts';

export interface Data {
  readonly label: string;
  readonly records: number;
  schema(): Schema;
  body(): Buffer;
}

function telemetry(label: string, records: number, drift: number, isAscii = true): Data {
  return {
    label,
    records,
    schema: telemetrySchema,
    body: () => telemetryBody({ count: records, drift, isAscii }),
  };
}

/** Delay, distance and hour of 231,083 flights: short records of plain numbers. */
const flights: Data = {
  label: 'flights',
  records: 231_083,
  schema: () =>
    new Schema([
      new Field('delay', new Int32(), true),
      new Field('distance', new Int32(), true),
      new Field('time', new Float64(), true),
    ]),
  body() {
    const text = readFileSync('node_modules/vega-datasets-v3/data/flights-200k.json', 'utf8').trim();
    return Buffer.from(`${text.slice(1, -1).replaceAll('},{', '}\n{')}\n`);
  },
};

export const DATA = {
  clean: telemetry('clean', 100_000, 0),
  notAscii: telemetry('clean, not ASCII', 100_000, 0, false),
  drift20: telemetry('20 % drift', 100_000, 0.2),
  drift50: telemetry('50 % drift', 100_000, 0.5),
  million: telemetry('clean, 1M records', 1_000_000, 0),
  flights,
} as const satisfies Readonly<Record<string, Data>>;

export type DataName = keyof typeof DATA;
