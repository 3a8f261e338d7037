import { describe, expect, it } from 'vitest';
import { Int32 } from '../../../src/schema/arrow.ts';
import { planField } from '../../../src/schema/field-plan.ts';
import { GeneratedLayouts, LAYOUTS_MAX, MISSES_PER_MAKE } from '../../../src/schema/fill/generated-layouts.ts';
import type { FillRows } from '../../../src/schema/fill/generated-rows.ts';
import { makeStore } from '../../../src/schema/fill/make-store.ts';
import { field } from '../schemas.ts';

const FIELDS = ['a', 'b', 'c', 'd'].map((name) => field(name, new Int32()));
const STORES = FIELDS.map((own) => makeStore(own, 1, 'typed'));

/** The columns in the order of that number. */
function orderOf(number: number): readonly number[] {
  const left = [0, 1, 2, 3];
  let rest = number;
  return [4, 3, 2, 1].map((count) => {
    const [column = 0] = left.splice(rest % count, 1);
    rest = Math.floor(rest / count);
    return column;
  });
}

function codeOf(layouts: GeneratedLayouts, number: number): FillRows | undefined {
  return layouts.get({ order: orderOf(number), afterColon: 0, afterComma: 0 }, STORES);
}

function newLayouts(): GeneratedLayouts {
  return new GeneratedLayouts(FIELDS.map(planField), true);
}

describe('the code of a schema by layout', () => {
  it('is made once for each of a few layouts', () => {
    const layouts = newLayouts();
    const first = Array.from({ length: LAYOUTS_MAX }, (_, number) => codeOf(layouts, number));
    expect(new Set(first).size).toBe(LAYOUTS_MAX);
    expect(first).not.toContain(undefined);
    for (let round = 0; round < 100; round += 1)
      expect(Array.from({ length: LAYOUTS_MAX }, (_, number) => codeOf(layouts, number))).toEqual(first);
  });

  it('is made for a layout that comes to stay, in place of the one that was not asked for longest', () => {
    const layouts = newLayouts();
    const first = Array.from({ length: LAYOUTS_MAX }, (_, number) => codeOf(layouts, number));
    codeOf(layouts, 0);
    let asked = 1;
    while (!codeOf(layouts, LAYOUTS_MAX) && asked < 1000) asked += 1;
    expect(asked).toBeLessThanOrEqual(MISSES_PER_MAKE);
    expect(codeOf(layouts, 0)).toBe(first[0]);
    expect(codeOf(layouts, 2)).toBe(first[2]);
    expect(codeOf(layouts, 1)).toBeUndefined();
  });

  it.each([LAYOUTS_MAX + 1, 24])('is seldom made for each of %i layouts that take turns', (count) => {
    const layouts = newLayouts();
    const made = new Set<FillRows>();
    const rounds = 200;
    for (let question = 0; question < rounds * count; question += 1) {
      const code = codeOf(layouts, question % count);
      if (code) made.add(code);
    }
    expect(made.size).toBeGreaterThan(LAYOUTS_MAX);
    expect(made.size).toBeLessThanOrEqual(LAYOUTS_MAX + (rounds * count) / MISSES_PER_MAKE);
  });

  it('is never made where that is not allowed', () => {
    const layouts = new GeneratedLayouts(FIELDS.map(planField), false);
    expect(codeOf(layouts, 0)).toBeUndefined();
  });
});
