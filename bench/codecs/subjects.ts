/** The data of the codec benchmarks: the same records as line protocol, CSV and JSON. */
import { ArrowTimeUnit, Bool, Field, Float64, Int64, Schema, Timestamp, Utf8 } from '../../src/schema/arrow.ts';
import { randomOf, type TelemetryOptions, telemetryLines } from '../telemetry-records.ts';

const STATES = ['ok', 'idle', 'warn', 'fault', 'maintenance'];

export interface Points {
  readonly count: number;
  /** As line protocol. */
  readonly body: Buffer;
  /** The same records as NDJSON, flat and in the same order. */
  readonly json: Buffer;
}

function field(name: string, type: ConstructorParameters<typeof Field>[1]) {
  return new Field(name, type, true);
}

/** What the points conform to. */
export function pointSchema(): Schema {
  return new Schema([
    field('measurement', new Utf8()),
    field('device', new Utf8()),
    field('region', new Utf8()),
    field('temp', new Float64()),
    field('hum', new Float64()),
    field('count', new Int64()),
    field('rssi', new Int64()),
    field('ok', new Bool()),
    field('status', new Utf8()),
    field('time', new Timestamp(ArrowTimeUnit.NANOSECOND)),
  ]);
}

/** Points of one measurement, two tags, six fields and a timestamp. */
export function pointsOf(count: number, isAscii: boolean): Points {
  const random = randomOf(20_261_126);
  const lines: string[] = [];
  const json: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const device = `${isAscii ? 'sensor' : 'zähler-東'}-${Math.floor(random() * 500)}`;
    const temp = (random() * 60 - 20).toFixed(2);
    const hum = (random() * 100).toFixed(1);
    const ok = random() < 0.9;
    const status = STATES[Math.floor(random() * STATES.length)] ?? '';
    const total = Math.floor(random() * 1e6);
    const rssi = -Math.floor(random() * 90);
    const time = `17000000000${String(index).padStart(8, '0')}`;
    const fields = `temp=${temp},hum=${hum},count=${total}i,rssi=${rssi}i,ok=${ok},status="${status}"`;
    lines.push(`telemetry,device=${device},region=eu-west ${fields} ${time}\n`);
    json.push(
      `{"measurement":"telemetry","device":"${device}","region":"eu-west","temp":${temp},"hum":${hum},"count":${total},"rssi":${rssi},"ok":${ok},"status":"${status}","time":${time}}\n`,
    );
  }
  return { count, body: Buffer.from(lines.join('')), json: Buffer.from(json.join('')) };
}

function cellOf(value: unknown): string {
  if (value === null) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Telemetry as CSV of ten columns, of which one holds JSON and is quoted. */
export function csvOf(options: Omit<TelemetryOptions, 'drift'>): Buffer {
  const records = telemetryLines({ ...options, drift: 0 }).map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  );
  const rows = records.map((record) => Object.values(record).map(cellOf).join(','));
  return Buffer.from([Object.keys(records[0] ?? {}).join(','), ...rows, ''].join('\n'));
}
