/**
 * The promise of the package under random sequences of what happens to a pipeline, a power cut among them: every
 * acknowledged record is in the sink once or in quarantine, and the ledger balances at every step.
 */
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { verifyLinks } from '../../src/reconcile/manifests/verify-links.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { announcedSeed } from '../support/announced-seed.ts';
import { Pipeline } from './pipeline.ts';

const RUNS = 100;
const COMMANDS_MAX = 30;
const FAILING = ['append', 'datasync', 'rename', 'syncDirectory', 'open'] as const;
const CODES = ['ENOSPC', 'EIO'] as const;

/** What the model knows: how many batches there were. */
interface Model {
  batches: number;
}

type Step = (model: Model, real: Pipeline) => Promise<void> | void;

class Command implements fc.AsyncCommand<Model, Pipeline> {
  readonly #name: string;
  readonly #step: Step;

  constructor(name: string, step: Step) {
    this.#name = name;
    this.#step = step;
  }

  check(): boolean {
    return true;
  }

  async run(model: Model, real: Pipeline): Promise<void> {
    await this.#step(model, real);
    checkLedger(real);
  }

  toString(): string {
    return this.#name;
  }
}

const counts = fc.record({ batches: fc.integer({ min: 1, max: 4 }), rows: fc.integer({ min: 1, max: 6 }) });

/** The next `count` batch numbers, and now and then one that was submitted before. */
function numbers(model: Model, count: number, again: boolean): number[] {
  const fresh = Array.from({ length: count }, (_, n) => model.batches + n);
  model.batches += count;
  return again && model.batches > count ? [...fresh, model.batches - count - 1] : fresh;
}

const ROWS_AGAIN = 3;

const commands = [
  fc
    .tuple(counts, fc.boolean())
    .map(
      ([{ batches }, again]) =>
        new Command(`submit(${batches}, ${again})`, (model, real) =>
          real.submit(numbers(model, batches, again), ROWS_AGAIN),
        ),
    ),
  fc
    .constantFrom('unavailable' as const, 'ambiguous' as const)
    .map((reason) => new Command(`sinkDown(${reason})`, (_, real) => real.setDown(reason))),
  fc.constant(new Command('sinkUp', (_, real) => real.setDown(undefined))),
  fc
    .integer({ min: 0, max: ROWS_AGAIN - 1 })
    .map(
      (row) =>
        new Command(`sinkRefuses(row ${row})`, (_, real) => real.setRefusal((key) => key.endsWith(`-${row}`))),
    ),
  fc.constant(new Command('sinkRefusesNone', (_, real) => real.setRefusal(undefined))),
  fc.constant(new Command('commitThenDropReply', (_, real) => real.dropNextReply())),
  fc.constant(new Command('drain', (_, real) => drain(real, 2_000).then(() => undefined))),
  fc.integer({ min: 0, max: 40 }).map(
    (operations) =>
      new Command(`cutDuringSubmit(${operations})`, async (model, real) => {
        await real.cutDuring(() => real.submit(numbers(model, 3, true), ROWS_AGAIN), operations);
        await real.open();
      }),
  ),
  fc.integer({ min: 0, max: 80 }).map(
    (operations) =>
      new Command(`cutDuringDrain(${operations})`, async (_, real) => {
        await real.cutDuring(() => real.fallback.reconcile({ patienceMs: 1_000 }), operations);
        await real.open();
      }),
  ),
  fc.integer({ min: 0, max: 30 }).map(
    (operations) =>
      new Command(`cutTwice(${operations})`, async (_, real) => {
        await real.cutWhileOpening(operations);
        await real.open();
      }),
  ),
  fc.boolean().map(
    (wiped) =>
      new Command(`reopen(${wiped ? 'queue wiped' : ''})`, async (_, real) => {
        await real.close();
        if (wiped) real.wipeQueue();
        await real.open();
      }),
  ),
  fc
    .integer({ min: 1, max: 90_000 })
    .map((ms) => new Command(`advance(${ms})`, (_, real) => real.clock.advance(ms))),
  fc
    .tuple(fc.constantFrom(...FAILING), fc.constantFrom(...CODES))
    .map(
      ([operation, code]) =>
        new Command(`diskFails(${operation}, ${code})`, (_, real) => real.disk.failNext(operation, code)),
    ),
];

function checkLedger({ fallback, held, submitted }: Pipeline): void {
  const { accepted, delivered, degraded, deferred, rejected, inFlight, unaccounted } = fallback.engine.ledger;
  expect(unaccounted).toBe(0);
  expect(inFlight).toBe(0);
  expect(delivered + degraded + deferred + rejected).toBe(accepted);
  for (const key of held.rows.keys()) expect(submitted.has(key), `${key} was never submitted`).toBe(true);
}

function drain(real: Pipeline, patienceMs: number) {
  // A disk that was told to fail may do so in here; what matters is that nothing is lost by it.
  return real.until(real.fallback.reconcile({ patienceMs })).catch(() => undefined);
}

async function checkEnd(real: Pipeline): Promise<void> {
  real.disk.clearFailures();
  real.setDown(undefined);
  let report = await drain(real, 300_000);
  for (let round = 0; round < 3 && !report?.drained; round += 1) report = await drain(real, 300_000);
  expect(report, 'everything drains once the sink is up').toMatchObject({ drained: true });
  const rows = await real.fallback.backlog.quarantine.list({ limit: 1_000_000 });
  const aside = new Set(rows.map(({ batchKey, originalRow }) => `${batchKey}-${originalRow}`));
  const lost = [...real.acknowledged].filter((key) => !real.held.rows.has(key) && !aside.has(key));
  expect(lost, 'acknowledged, and neither in the sink nor in quarantine').toEqual([]);
  const ids = [...real.held.rows.values()].map((record) => (record as { readonly id: string }).id);
  expect(new Set(ids).size, 'a record is in the sink under two keys').toBe(ids.length);
  const { balanced, pending, rows: deferred, outages } = await real.fallback.report();
  expect({ balanced, pending }).toEqual({ balanced: true, pending: 0 });
  expect(outages.reduce((sum, { rows }) => sum + rows, 0)).toBe(deferred);
  // Power cuts and full disks leave the chain over the manifests whole, and nothing without a link.
  const { store, chain } = real.fallback.backlog;
  const links = await verifyLinks({ store, chain });
  expect(links).toMatchObject({ unlinked: 0, again: 0, late: [], faults: [] });
  seen.links += links.links;
  seen.deferred += deferred;
  seen.quarantined += aside.size;
  seen.rejected += real.rejectedRows;
  seen.acknowledged += real.acknowledged.size;
}

const seen = { links: 0, acknowledged: 0, deferred: 0, quarantined: 0, rejected: 0 };
const open: Pipeline[] = [];
afterEach(() => {
  for (const pipeline of open.splice(0)) pipeline.remove();
});

it('holds every acknowledged record in the sink once or in quarantine, whatever happens', {
  timeout: 60_000,
}, async () => {
  const seed = announcedSeed('fallback model');
  const property = fc.asyncProperty(
    fc.commands(commands, { maxCommands: COMMANDS_MAX, size: 'max' }),
    fc.noShrink(fc.integer()),
    async (steps, chance) => {
      const real = new Pipeline(seededRandom(chance));
      open.push(real);
      await real.open();
      await fc.asyncModelRun(() => ({ model: { batches: 0 }, real }), steps);
      await checkEnd(real);
      await real.close();
      real.remove();
    },
  );
  await fc.assert(property, { numRuns: RUNS, seed, endOnFailure: process.env['CI'] !== undefined });
  // A model that never deferred, refused or lost anything would prove nothing.
  for (const [what, rows] of Object.entries(seen)) expect(rows, what).toBeGreaterThan(0);
});
