/** `--lanes`: which lanes a worker takes, as `0-7,12`. */
import { ConfigError } from '../core/errors.ts';
import { LANES } from '../stores/packed-object.ts';

/** @returns undefined when it is not given: all of them @throws ConfigError */
export function lanesOf(text: string | undefined): ReadonlySet<number> | undefined {
  if (text === undefined) return undefined;
  const lanes = new Set<number>();
  for (const part of text.split(',')) {
    const [, first = '', last = first] = /^\s*(\d{1,9})(?:-(\d{1,9}))?\s*$/.exec(part) ?? [];
    const from = Number.parseInt(first, 10);
    const to = Number.parseInt(last, 10);
    if (!(from <= to && to < LANES)) throw bad(text);
    for (let lane = from; lane <= to; lane += 1) lanes.add(lane);
  }
  return lanes;
}

function bad(text: string): ConfigError {
  return new ConfigError(
    '--lanes',
    `found ${JSON.stringify(text)}, expected lanes from 0 to ${LANES - 1}`,
    'For example 0-7,12. Every lane needs a worker: what is left out here must be taken by another one.',
  );
}
