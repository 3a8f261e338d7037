/** Against a model that keeps every deferred entry by itself and knows a key as closed while one of its is left. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KeyBacklog } from '../../../src/reconcile/fence/key-backlog.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e'];
const LANES = 2;
const laneOf = (key: string): number => KEYS.indexOf(key) % LANES;

interface StoredObject {
  readonly ref: string;
  readonly lane: number;
  readonly order: number;
  readonly orderingKeys: readonly string[];
}

/** Both sides of the comparison, driven by the same steps. */
class Pair {
  readonly opened: string[] = [];
  readonly #real = new KeyBacklog((key) => this.opened.push(key));
  readonly #appending: string[] = [];
  #journal: { readonly key: string; readonly seq: number }[] = [];
  #objects: StoredObject[] = [];
  #seq = 0;

  begin(key: string): void {
    this.#appending.push(key);
    this.#real.begin(key);
  }

  endAppend(isDurable: boolean): void {
    const key = this.#appending.shift();
    if (key === undefined) return;
    if (!isDurable) return this.#real.givenUp(key);
    this.#seq += 1;
    this.#journal.push({ key, seq: this.#seq });
    this.#real.appended(key, this.#seq);
  }

  /** The oldest entries of the journal become objects, perhaps twice as after a crash. */
  pack(count: number, times: number): void {
    const range = this.#journal.slice(0, count);
    const last = range.at(-1);
    if (!last) return;
    const objects = [...Map.groupBy(range, ({ key }) => laneOf(key))].map(([lane, entries]) => ({
      ref: `${lane}/${entries[0]?.seq}`,
      lane,
      order: entries[0]?.seq ?? 0,
      orderingKeys: [...new Set(entries.map(({ key }) => key))],
    }));
    for (let time = 0; time < times; time += 1) this.#real.stored(objects);
    this.#journal = this.#journal.slice(count);
    this.#objects.push(...objects);
    this.#real.storedThrough(last.seq);
  }

  settle(at: number): void {
    const object = this.#objects[at % Math.max(1, this.#objects.length)];
    if (!object) return;
    expect(this.#real.settled(object.ref, object.lane)).toBe(true);
    this.#objects = this.#objects.filter((other) => other !== object);
  }

  settleHead(lane: number): void {
    this.settle(
      Math.max(
        0,
        this.#objects.findIndex((object) => object.lane === lane),
      ),
    );
  }

  closedInModel(key: string): boolean {
    const stored = this.#objects.some(({ orderingKeys }) => orderingKeys.includes(key));
    return stored || this.#appending.includes(key) || this.#journal.some((entry) => entry.key === key);
  }

  isClosed(key: string): boolean {
    return this.#real.isClosed(key);
  }

  get size(): number {
    return this.#real.size;
  }

  finish(): void {
    while (this.#appending.length > 0) this.endAppend(true);
    this.pack(this.#journal.length, 1);
    while (this.#objects.length > 0) this.settle(0);
  }
}

const key = fc.constantFrom(...KEYS);
const step = fc.oneof(
  fc.record({ do: fc.constant('begin' as const), key }),
  fc.record({ do: fc.constant('end' as const), durable: fc.boolean() }),
  fc.record({
    do: fc.constant('pack' as const),
    count: fc.integer({ min: 1, max: 6 }),
    times: fc.constantFrom(1, 2),
  }),
  fc.record({ do: fc.constant('settle' as const), at: fc.nat(5) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function run(pair: Pair, next: Step, settle: (pair: Pair, at: number) => void): void {
  if (next.do === 'begin') pair.begin(next.key);
  else if (next.do === 'end') pair.endAppend(next.durable);
  else if (next.do === 'pack') pair.pack(next.count, next.times);
  else settle(pair, next.at);
}

it('has closed exactly the keys with something deferred, when lanes are settled from the head', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pair = new Pair();
      for (const next of steps) {
        run(pair, next, (it, at) => it.settleHead(at % LANES));
        for (const each of KEYS) expect([each, pair.isClosed(each)]).toEqual([each, pair.closedInModel(each)]);
        expect(pair.size).toBe(KEYS.filter((each) => pair.closedInModel(each)).length);
      }
    }),
    { numRuns: 500 },
  );
});

it('never opens a key too early, whatever is settled first, and opens every key in the end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pair = new Pair();
      for (const next of steps) {
        run(pair, next, (it, at) => it.settle(at));
        for (const each of KEYS) if (pair.closedInModel(each)) expect(pair.isClosed(each)).toBe(true);
      }
      pair.finish();
      expect(KEYS.filter((each) => pair.isClosed(each))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

it('tells of a key once when it opens', () => {
  const pair = new Pair();
  pair.begin('a');
  pair.endAppend(true);
  pair.begin('a');
  pair.endAppend(true);
  pair.pack(2, 2);
  expect(pair.opened).toEqual([]);
  pair.settle(0);
  expect(pair.opened).toEqual(['a']);
});

it('knows nothing of objects that nobody stored', () => {
  expect(new KeyBacklog().settled('0/1', 0)).toBe(false);
});
