import { afterEach, expect } from 'vitest';
import type { Chain } from '../../src/chain/chain.ts';
import { Engine, type EngineOptions } from '../../src/chain/engine.ts';
import { framer } from '../../src/codecs/codecs.ts';
import type { BatchInput } from '../../src/core/batch.ts';
import type { EventName, Events } from '../../src/core/events.ts';
import { DISPOSITIONS, type Receipt } from '../../src/core/outcome.ts';
import { countRows } from '../../src/core/row-set.ts';
import { ManualClock } from '../../src/testing/manual-clock.ts';
import { RecordedMetrics } from './recorded-metrics.ts';

const HEARD = [
  'tierTransitioned',
  'batchDegraded',
  'batchDeferred',
  'batchRejected',
  'circuitOpened',
  'circuitHalfOpened',
  'circuitClosed',
] as const satisfies readonly EventName[];

export interface Heard {
  readonly name: EventName;
  readonly event: Readonly<Record<string, unknown>>;
}

/** An engine on a manual clock, with everything it says written down. */
export interface Rig {
  readonly engine: Engine;
  readonly clock: ManualClock;
  readonly metrics: RecordedMetrics;
  readonly heard: Heard[];
  events<N extends EventName>(name: N): Events[N][];
}

const rigs: Rig[] = [];

/** @param isHeard whether anybody listens: an engine that nobody listens to takes shorter ways */
export function rigOf(chain: Chain, options: Partial<EngineOptions> = {}, isHeard = true): Rig {
  const clock = new ManualClock();
  const metrics = new RecordedMetrics();
  const engine = new Engine({ chain, framer, clock, metrics, random: () => 0.5, ...options });
  const heard: Heard[] = [];
  for (const name of isHeard ? HEARD : [])
    engine.on(name, (event) => heard.push({ name, event: { ...event } }));
  const rig: Rig = {
    engine,
    clock,
    metrics,
    heard,
    events: <N extends EventName>(name: N) =>
      heard.filter((one) => one.name === name).map(({ event }) => event as unknown as Events[N]),
  };
  rigs.push(rig);
  return rig;
}

/** `rows` lines of ndjson: `{"n":0}` … */
export function batchOf(rows: number, more: Partial<BatchInput> = {}): BatchInput {
  const body = Array.from({ length: rows }, (_, n) => `{"n":${n}}\n`).join('');
  return { body, format: 'ndjson', ...more };
}

/** C1 and C2 on one receipt. */
export function checkReceipt(receipt: Receipt): void {
  const { records, delivered, degraded, deferred, dropped, rejected, trail, rejections } = receipt;
  for (const count of [delivered, degraded, deferred, dropped, rejected])
    expect(count).toBeGreaterThanOrEqual(0);
  expect(delivered + degraded + deferred + dropped + rejected, 'C1 of the batch').toBe(records);
  for (const { tier, rowsIn, rowsLanded, left } of trail) {
    const rowsLeft = left.reduce((sum, { rows }) => sum + rows, 0);
    expect(rowsLanded + rowsLeft, `C1 of ${tier}`).toBe(rowsIn);
  }
  const names = trail.map(({ tier }) => tier);
  expect(new Set(names).size, `C2: ${names}`).toBe(names.length);
  expect(rejections.reduce((sum, { rows }) => sum + countRows(rows, records), 0)).toBe(rejected);
}

/** The ledger balances, the counters say the same, and nothing is leased any more. */
export function checkBooks({ engine, metrics }: Rig): void {
  const { ledger } = engine;
  expect(ledger).toMatchObject({ unaccounted: 0, inFlight: 0 });
  expect(metrics.read('fallback_unaccounted_records')).toEqual([0]);
  for (const disposition of DISPOSITIONS) {
    expect(metrics.total('fallback_records_total', { disposition }), disposition).toBe(ledger[disposition]);
  }
  for (const station of engine.stations) {
    expect(station.reservedBytes, station.name).toBe(0);
    expect(metrics.read('fallback_budget_reserved_bytes', { tier: station.name })).toEqual([0]);
  }
}

/** Call once in a test file: the books of every engine must balance after every test. */
export function checkBooksAfterEach(): void {
  afterEach(() => {
    for (const rig of rigs.splice(0)) checkBooks(rig);
  });
}

/** What a promise that must be rejected is rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection');
}
