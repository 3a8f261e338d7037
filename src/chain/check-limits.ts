/** Refuses limits that cannot be meant, with the option's path, when the chain is defined. */
import { ChainDefinitionError } from '../core/errors.ts';
import type { TierLimits } from './chain.ts';

interface Range {
  readonly min: number;
  readonly max: number;
  /** @default false */
  readonly isWhole?: boolean;
  /** The maximum itself is too much. @default false */
  readonly isMaxExcluded?: boolean;
}

const ANY = Number.MAX_SAFE_INTEGER;
const LIMITS: Readonly<Record<string, Range>> = {
  budgetBytes: { min: 1, max: ANY, isWhole: true },
  timeoutMs: { min: 1, max: ANY },
};
const BREAKER: Readonly<Record<string, Range>> = {
  windowMs: { min: 1, max: ANY },
  failureRatio: { min: 0, max: 1 },
  callsMin: { min: 1, max: ANY, isWhole: true },
  failuresInRow: { min: 1, max: ANY, isWhole: true },
  callMaxMs: { min: 0, max: ANY },
  probes: { min: 1, max: ANY, isWhole: true },
  probeFailureRatio: { min: 0, max: 1, isMaxExcluded: true },
  pauseMs: { min: 0, max: ANY },
  pauseMaxMs: { min: 0, max: ANY },
  probeLeaseMs: { min: 1, max: ANY },
};

/** @throws ChainDefinitionError naming the option, what was found and what was expected */
export function checkLimits(tier: string, { breaker, ...limits }: TierLimits): void {
  checkAll(`limits.${tier}`, limits, LIMITS);
  if (breaker) checkAll(`limits.${tier}.breaker`, breaker, BREAKER);
}

function checkAll(path: string, given: object, ranges: Readonly<Record<string, Range>>): void {
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    const range = Object.hasOwn(ranges, name) ? ranges[name] : undefined;
    if (!range) {
      throw new ChainDefinitionError(
        `${path}.${name} is not an option`,
        `Options are ${Object.keys(ranges).join(', ')}.`,
      );
    }
    if (value !== undefined && !isWithin(value, range)) {
      throw new ChainDefinitionError(
        `${path}.${name}: found ${String(value)}, expected ${describe(range)}`,
        'Correct the option.',
      );
    }
  }
}

function isWithin(value: unknown, { min, max, isWhole, isMaxExcluded }: Range): boolean {
  if (typeof value !== 'number' || !(value >= min && value <= max)) return false;
  return (!isWhole || Number.isInteger(value)) && !(isMaxExcluded && value === max);
}

function describe({ min, max, isWhole, isMaxExcluded }: Range): string {
  const kind = isWhole ? 'a whole number' : 'a number';
  if (max === ANY) return `${kind} of at least ${min}`;
  return `${kind} from ${min} to ${isMaxExcluded ? 'below ' : ''}${max}`;
}
