// biome-ignore-all lint/suspicious/noConsole: this is the example of the README, which prints.
import { createFallback, emptyLoss, fromJsonSchema, lossTable, sqliteSink } from '../../src/index.ts';

const schema = fromJsonSchema({
  type: 'object',
  properties: { id: { type: 'integer', 'x-key': true }, city: { type: 'string' }, temp: { type: 'number' } },
  required: ['id'],
});
const sink = sqliteSink({ file: 'weather.db', table: 'readings' });
const fallback = await createFallback({ dir: '.tierfall', sink, schema });

const body = `{"id": 1, "city": "Seattle", "temp": 4.5}
{"id": 2, "city": "Boston", "temp": "7.25"}
{"id": 3, "city": "Denver", "temp": 12, "firmware": "v2"}
{"id": null, "city": "Austin", "temp": 21}`;
const { delivered, degraded, deferred, loss } = await fallback.submit({ format: 'ndjson', body });
console.log({ delivered, degraded, deferred });
console.log(lossTable(loss ?? emptyLoss));

await fallback.reconcile();
const { rows, quarantined, pending, balanced } = await fallback.report();
console.log({ rows, quarantined, pending, balanced });
await fallback.close();
