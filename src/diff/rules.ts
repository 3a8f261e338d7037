/**
 * What counts as the same, per field: tolerances as data, parsed from short texts such as `temp=0.01`.
 *
 * G1 without a rule only equal values are the same. G2 a rule of a field holds for everything nested in it, unless a rule
 * names the nested path. G3 rules of `*` hold for every field and are added to those of the field itself; but what nearly is
 * the same cannot be looked up, so a tolerance of `*` is none for keys.
 */
import type { TimeUnit } from '../core/columns.ts';
import { ConfigError } from '../core/errors.ts';
import { parseExact } from '../schema/number-grammar.ts';
import type { Epsilon } from './exact-number.ts';
import { nanosecondsIn } from './typed-value.ts';

/** How the values of one field are compared. */
export interface FieldRule {
  /** Left out of the comparison. */
  readonly isIgnored: boolean;
  readonly epsilon: Epsilon | undefined;
  /** Nanoseconds that two instants may be apart; texts and counts are then read as instants. */
  readonly granularity: bigint | undefined;
  /** What a number counts since 1970; undefined = a number is no instant. */
  readonly epochUnit: TimeUnit | undefined;
  /** Texts are the same when their NFC forms are. */
  readonly isNfc: boolean;
  /** Null and absent are the same. */
  readonly nullIsAbsent: boolean;
  /** By rule, or because one side has only text (CSV): text that spells the other side's number, boolean or JSON is the same as it. */
  readonly isSpelled: boolean;
  /** Rules of nested names; `undefined` = none differ from this one. */
  readonly nested: ReadonlyMap<string, FieldRule> | undefined;
}

/** Rules of a comparison. */
export interface DiffRules {
  /** The rule of a field by its name. The same name always gives the same object. */
  of(field: string): FieldRule;
  /** Fields that have a rule with an epsilon or a granularity, which no digest can honour. */
  readonly inexact: readonly string[];
}

/** What the two sides are, as far as it changes what is the same. */
export interface SideTraits {
  /** A side is a table, in which nothing can be absent. @default false */
  readonly isTabular?: boolean;
  /** A side has only text. @default false */
  readonly isText?: boolean;
}

interface RuleSpec {
  readonly path: string;
  readonly part: Partial<FieldRule>;
}

const GRANULARITY = /^(\d{1,9})(ns|us|ms|s|m|h|d)$/;
const EPOCH = /^epoch-(s|ms|us|ns)$/;
const LONG_UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  ms: 10n ** 6n,
  s: 10n ** 9n,
  m: 60n * 10n ** 9n,
  h: 3600n * 10n ** 9n,
  d: 86_400n * 10n ** 9n,
};

function epsilonOf(text: string): Epsilon | undefined {
  const isRelative = text.endsWith('r');
  const exact = parseExact(isRelative ? text.slice(0, -1) : text);
  if (!exact || exact.digits < 0n) return undefined;
  return { exact, isRelative, nearly: Number(`${exact.digits}e-${exact.scale}`) };
}

function partOf(text: string): Partial<FieldRule> | undefined {
  if (text === 'nfc') return { isNfc: true };
  if (text === 'null-absent') return { nullIsAbsent: true };
  if (text === 'spelled') return { isSpelled: true };
  const [, unit] = EPOCH.exec(text) ?? [];
  if (unit !== undefined) return { epochUnit: unit as TimeUnit, granularity: 0n };
  const [, count, long = ''] = GRANULARITY.exec(text) ?? [];
  if (count !== undefined) return { granularity: BigInt(count) * (LONG_UNITS[long] ?? 0n) };
  const epsilon = epsilonOf(text);
  return epsilon && { epsilon };
}

/**
 * One rule from its text: `FIELD=1e-6` absolute, `FIELD=1e-6r` relative, `FIELD=1s` granularity of instants (ns, us, ms,
 * s, m, h, d), `FIELD=epoch-ms` numbers as instants, `FIELD=nfc`, `FIELD=null-absent`,
 * `FIELD=spelled` text as the number, boolean or JSON that it spells; FIELD may be a dotted path or `*`.
 * @throws ConfigError when it is none of them
 */
function parseRule(text: string): RuleSpec {
  const split = text.lastIndexOf('=');
  const part = split > 0 ? partOf(text.slice(split + 1)) : undefined;
  if (part) return { path: text.slice(0, split), part };
  throw new ConfigError(
    '--tolerance',
    `found ${JSON.stringify(text)}, expected FIELD=RULE`,
    'A rule is 0.01, 1e-6r (relative), 1s or 1ms (time), epoch-ms (numbers are times), nfc, null-absent or spelled.',
  );
}

function merge(base: FieldRule, parts: readonly Partial<FieldRule>[]): FieldRule {
  const whole = Object.assign({}, base, ...parts) as FieldRule;
  // A granularity that was set for texts survives a rule that says what numbers mean.
  const granularity = parts.reduce(
    (found, part) =>
      part.granularity !== undefined && (found === undefined || part.granularity > found)
        ? part.granularity
        : found,
    base.granularity,
  );
  return { ...whole, granularity, nested: undefined };
}

/** Specs below `prefix`, with the prefix cut off. */
function below(specs: readonly RuleSpec[], prefix: string): readonly RuleSpec[] {
  return specs.flatMap(({ path, part }) =>
    path.startsWith(`${prefix}.`) ? [{ path: path.slice(prefix.length + 1), part }] : [],
  );
}

function ruleOf(field: string, specs: readonly RuleSpec[], base: FieldRule): FieldRule {
  const own = merge(
    base,
    specs.filter(({ path }) => path === field).map(({ part }) => part),
  );
  const deeper = below(specs, field);
  if (deeper.length === 0) return own;
  const names = new Set(deeper.map(({ path }) => path.split('.')[0] ?? path));
  for (const { path } of deeper) names.add(path);
  return { ...own, nested: new Map([...names].map((name) => [name, ruleOf(name, deeper, own)])) };
}

/** Only equal values are the same. */
export const NO_RULE: FieldRule = {
  isIgnored: false,
  epsilon: undefined,
  granularity: undefined,
  epochUnit: undefined,
  isNfc: false,
  nullIsAbsent: false,
  isSpelled: false,
  nested: undefined,
};

/**
 * Rules from their texts.
 * @param ignored fields, or dotted paths, that are left out
 * @throws ConfigError naming the text that is no rule
 */
export function parseRules(
  texts: readonly string[] = [],
  ignored: readonly string[] = [],
  { isTabular = false, isText = false }: SideTraits = {},
): DiffRules {
  const parsed = texts.map(parseRule);
  const specs = [...parsed, ...ignored.map((path): RuleSpec => ({ path, part: { isIgnored: true } }))];
  const base = merge(
    { ...NO_RULE, nullIsAbsent: isTabular, isSpelled: isText },
    specs.filter(({ path }) => path === '*').map(({ part }) => part),
  );
  const known = new Map<string, FieldRule>();
  return {
    inexact: parsed.filter(({ part }) => part.epsilon || (part.granularity ?? 0n) > 0n).map(({ path }) => path),
    of(field) {
      const found = known.get(field);
      if (found) return found;
      // Data may have any number of names: only those of rules are kept.
      if (!specs.some(({ path }) => path === field || path.startsWith(`${field}.`))) return base;
      const rule = ruleOf(field, specs, base);
      known.set(field, rule);
      return rule;
    },
  };
}

export function isInexact({ epsilon, granularity = 0n }: FieldRule): boolean {
  return epsilon !== undefined || granularity > 0n;
}

/** The rule of a field as a key: a tolerance is left only where it is the field's own. */
export function keyRule(field: string, rules: DiffRules): FieldRule {
  const rule = rules.of(field);
  if (!isInexact(rule) || rules.inexact.includes(field)) return rule;
  return { ...rule, epsilon: undefined, granularity: rule.granularity === undefined ? undefined : 0n };
}

/** The rule of a name nested in a field; elements of arrays have the rule of their array. */
export function nestedRule(rule: FieldRule, name: string): FieldRule {
  return rule.nested?.get(name) ?? rule;
}

function timedRule(rule: FieldRule): FieldRule {
  const { granularity = 0n, nested } = rule;
  const timed = nested && new Map(Array.from(nested, ([name, own]) => [name, timedRule(own)]));
  return { ...rule, granularity, nested: timed };
}

/** The same rules, but for fields that hold instants on a typed side: in these, texts are instants on both sides. */
export function withTimes(rules: DiffRules, timeFields: readonly string[]): DiffRules {
  if (timeFields.length === 0) return rules;
  const timed = new Map(timeFields.map((field) => [field, timedRule(rules.of(field))]));
  return { inexact: rules.inexact, of: (field) => timed.get(field) ?? rules.of(field) };
}

/** The same rules without reading any text as something else. */
export function withoutSpelling(rules: DiffRules): DiffRules {
  const known = new Map<FieldRule, FieldRule>();
  const literal = (rule: FieldRule): FieldRule => {
    const found = known.get(rule);
    if (found) return found;
    const nested = rule.nested && new Map(Array.from(rule.nested, ([name, own]) => [name, literal(own)]));
    const made = { ...rule, isSpelled: false, nested };
    known.set(rule, made);
    return made;
  };
  return { inexact: rules.inexact, of: (field) => literal(rules.of(field)) };
}

/** Nanoseconds that a count of this field stands for; undefined when numbers are no instants here. */
export function epochNanoseconds(rule: FieldRule): bigint | undefined {
  return rule.epochUnit && nanosecondsIn(rule.epochUnit);
}
