/** The rows that every subject is given: readings of a sensor fleet as NDJSON, ten fields, about 210 bytes each. */
import { type CompiledSchema, compileSchema, fromJsonSchema } from '../../src/index.ts';

/** `drifted`: a number as text and a field that the schema does not know, in every row: 2 of 11 cells. */
export type Shape = 'conforming' | 'drifted';

const DOCUMENT = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    at: { type: 'string', format: 'date-time' },
    site: { type: 'string' },
    device: { type: 'string' },
    temperature: { type: 'number' },
    humidity: { type: 'number', minimum: 0, maximum: 100 },
    battery: { type: 'integer', minimum: 0, maximum: 100 },
    uptimeMs: { type: 'integer' },
    isOnline: { type: 'boolean' },
    note: { type: ['string', 'null'] },
  },
  required: ['id', 'at', 'site', 'device', 'temperature', 'humidity', 'battery', 'uptimeMs', 'isOnline'],
};

export const SCHEMA: CompiledSchema = compileSchema(fromJsonSchema(DOCUMENT));

const START_MS = Date.UTC(2026, 0, 1);

function rowText(number: number, shape: Shape): string {
  const temperature = Math.round(1_500 + 900 * Math.sin(number / 97)) / 100;
  return JSON.stringify({
    id: `reading-${String(number).padStart(9, '0')}`,
    at: new Date(START_MS + number * 250).toISOString(),
    site: ['berlin', 'oslo', 'turin', 'gdansk'][number % 4],
    device: `pump-${number % 40}`,
    temperature: shape === 'drifted' ? String(temperature) : temperature,
    humidity: Math.round(5_000 + 3_000 * Math.cos(number / 53)) / 100,
    battery: 100 - (number % 90),
    uptimeMs: 86_400_000 + number * 250,
    isOnline: number % 17 !== 0,
    note: number % 10 === 0 ? 'calibrated by the night shift' : null,
    ...(shape === 'drifted' ? { firmware: `4.2.${number % 7}` } : {}),
  });
}

/** Bodies of `rows` rows each. No row occurs twice, so that no key is met again and no body is known already. */
export function makeBodies(count: number, rows: number, shape: Shape): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, batch) => {
    const lines = Array.from({ length: rows }, (_, row) => `${rowText(batch * rows + row, shape)}\n`);
    return Buffer.from(lines.join(''));
  });
}
