import { defineConfig, functionSink } from '../../src/index.ts';

// Integers of 64 bits are bigint in a record, which JSON.stringify refuses.
const exact = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

export default defineConfig({
  dir: 'data',
  sink: functionSink(
    (records, { keys, signal }) =>
      fetch('https://example.com/readings', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ keys, records }, exact),
        signal,
      }),
    { name: 'readings' },
  ),
  retry: { attemptsMax: 3, patienceMs: 10_000 },
  limits: { primary: { timeoutMs: 5_000, breaker: { failuresInRow: 5 } } },
});
