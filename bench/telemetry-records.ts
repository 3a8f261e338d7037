/**
 * The records that the benchmarks of codecs and schemas share: telemetry of ten fields, about 186 bytes a line, of which
 * a part has drifted in one of the ways that are met in life. The same seed gives the same bytes.
 */
import {
  ArrowTimeUnit,
  Bool,
  Field,
  Float64,
  Int32,
  Int64,
  Schema,
  Timestamp,
  Utf8,
} from '../src/schema/arrow.ts';

export interface TelemetryOptions {
  readonly count: number;
  /** Part of the records that drifted, 0 to 1. */
  readonly drift: number;
  /** Whether device names have letters outside of ASCII. */
  readonly isAscii: boolean;
}

const STATES = ['ok', 'idle', 'warn', 'fault', 'maintenance'];
const FIRMWARE = ['1.4.2', '1.5.0', '2.0.1'];
const START_MS = Date.UTC(2026, 0, 1);

function field(
  name: string,
  type: ConstructorParameters<typeof Field>[1],
  metadata: Record<string, string> = {},
) {
  return new Field(name, type, true, new Map(Object.entries(metadata)));
}

/** What a clean record conforms to. */
export function telemetrySchema(): Schema {
  return new Schema([
    field('id', new Int32(), { key: 'true' }),
    field('ts', new Timestamp(ArrowTimeUnit.MILLISECOND, 'UTC')),
    field('device', new Utf8()),
    field('temp', new Float64(), { precision: '0.01', essential: 'false' }),
    field('hum', new Float64(), { essential: 'false' }),
    field('count', new Int32(), { essential: 'false' }),
    field('big', new Int64()),
    field('ok', new Bool(), { essential: 'false' }),
    field('status', new Utf8()),
    field('meta', new Utf8(), { json: 'true', essential: 'false' }),
  ]);
}

/** xorshift32: enough for data, and the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** The members of one record as JSON text, by name and in order. */
function cleanMembers(index: number, random: () => number, isAscii: boolean): Map<string, string> {
  const device = `${isAscii ? 'sensor' : 'zähler-東'}-${Math.floor(random() * 500)}`;
  const hum = random() < 0.05 ? 'null' : (random() * 100).toFixed(1);
  return new Map([
    ['id', String(index)],
    ['ts', JSON.stringify(new Date(START_MS + index * 250).toISOString())],
    ['device', JSON.stringify(device)],
    ['temp', (random() * 60 - 20).toFixed(2)],
    ['hum', hum],
    ['count', String(Math.floor(random() * 1e6))],
    ['big', String(1_700_000_000_000_000 + Math.floor(random() * 1e12))],
    ['ok', random() < 0.9 ? 'true' : 'false'],
    ['status', JSON.stringify(STATES[Math.floor(random() * STATES.length)])],
    [
      'meta',
      `{"fw":"${FIRMWARE[Math.floor(random() * FIRMWARE.length)]}","rssi":${-Math.floor(random() * 90)}}`,
    ],
  ]);
}

type Drift = (members: Map<string, string>) => void;

function quote(name: string): Drift {
  return (members) => void members.set(name, JSON.stringify(members.get(name)));
}

/** Ways to drift with their weight. */
const DRIFTS: readonly (readonly [weight: number, drift: Drift])[] = [
  [3, quote('temp')],
  [2, quote('count')],
  [1, (members) => void members.set('temp', '"NaN"')],
  [1, (members) => void members.set('count', 'null')],
  [2.5, (members) => void members.delete('hum')],
  [2, (members) => void members.set('site', '"north-4"')],
  [1, (members) => void members.set('meta', '"{\\"fw\\":\\"1.4.2\\"}"')],
  [1, (members) => void members.set('extra', '{"a":1,"b":[2,3]}')],
  [1, (members) => void members.set('ts', '"2026-01-01 10:20:30"')],
  [0.5, (members) => void members.set('ts', '1767225600')],
  [1, (members) => void members.set('count', '3000000000')],
  [1, (members) => void members.set('ok', '"yes"')],
  [1, (members) => void members.set('ok', '1')],
  [0.5, (members) => void members.set('temp', '"n/a?"')],
  [0.5, (members) => void members.set('big', '9007199254740993')],
  [0.5, (members) => void members.set('status', '7')],
];
const WEIGHTS = DRIFTS.reduce((sum, [weight]) => sum + weight, 0);

function driftOf(random: () => number): Drift | undefined {
  let left = random() * WEIGHTS;
  return DRIFTS.find(([weight]) => {
    left -= weight;
    return left < 0;
  })?.[1];
}

/** One JSON text per record. */
export function telemetryLines({ count, drift, isAscii }: TelemetryOptions): string[] {
  const random = randomOf(20_261_125);
  return Array.from({ length: count }, (_, index) => {
    const members = cleanMembers(index, random, isAscii);
    if (random() < drift) driftOf(random)?.(members);
    return `{${Array.from(members, ([name, text]) => `"${name}":${text}`).join(',')}}`;
  });
}

/** The lines as NDJSON. */
export function telemetryBody(options: TelemetryOptions): Buffer {
  return Buffer.from(`${telemetryLines(options).join('\n')}\n`);
}
