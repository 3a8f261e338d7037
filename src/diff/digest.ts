/**
 * Digests of records and of sets of records.
 *
 * H1 records that are the same by the rules have the same digest, whatever the order of their names, however their
 * numbers are held, and however their text spells them; tolerances cannot be honoured by a digest and are not. The
 * converse holds but where texts are what they spell: both `1.0` and `1` are the number 1, and not each other. H2 a set has the same digest in any order,
 * counts equal records, and can be computed in parts. H3 128 bits of SHA-256 per record: two sets with one digest and one
 * count are the same set but for an attack on the sum.
 */
import { hash } from 'node:crypto';
import { nanosecondsOf } from './compare.ts';
import { parseNestedJson } from './exact-json.ts';
import { canonicalDigits, exactOf } from './exact-number.ts';
import { type DiffRules, epochNanoseconds, type FieldRule, NO_RULE, nestedRule, parseRules } from './rules.ts';
import { Decimal, Instant } from './typed-value.ts';

const STRICT = parseRules();

/** Of a number, or of text that spells one; undefined beyond exact arithmetic. */
function textOfExact(value: number | bigint | Decimal | string, rule: FieldRule): string | undefined {
  const exact = exactOf(value);
  if (!exact) return undefined;
  const unit = epochNanoseconds(rule);
  return unit === undefined
    ? canonicalDigits(exact)
    : `@${canonicalDigits({ digits: exact.digits * unit, scale: exact.scale })}`;
}

function textOfNumber(value: number | bigint | Decimal, rule: FieldRule): string {
  const isShort = typeof value === 'number' && Number.isSafeInteger(value) && rule.epochUnit === undefined;
  if (isShort) return String(value + 0);
  return textOfExact(value, rule) ?? String(value);
}

function textOfString(value: string, rule: FieldRule): string {
  const spelled = rule.isSpelled ? textOfExact(value, rule) : undefined;
  if (spelled !== undefined) return spelled;
  if (rule.isSpelled && (value === 'true' || value === 'false')) return value;
  return JSON.stringify(rule.isNfc ? value.normalize('NFC') : value);
}

/** Canonical text of a value that is not nested. */
function leafText(value: unknown, rule: FieldRule): string {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Instant || rule.granularity !== undefined) {
    const nanoseconds = nanosecondsOf(value, rule);
    if (nanoseconds !== undefined) return `@${nanoseconds}`;
  }
  if (typeof value === 'string') return textOfString(value, rule);
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal)
    return textOfNumber(value, rule);
  return value instanceof Uint8Array ? `#${Buffer.from(value).toString('hex')}` : String(value);
}

/** Values with their rules, and texts without: what is left to write, last first. */
type Work = (readonly [value: unknown, rule: FieldRule] | string)[];

function pushArray(work: Work, items: readonly unknown[], rule: FieldRule): void {
  work.push(']');
  for (let index = items.length - 1; index >= 0; index -= 1) work.push(',', [items[index], rule]);
  work.push('[');
}

/** Names of JSON are part of its text, which `nfc` compares in one form. */
function textOfName(name: string, { isSpelled, isNfc }: FieldRule): string {
  return JSON.stringify(isSpelled && isNfc ? name.normalize('NFC') : name);
}

function pushRecord(work: Work, record: object, ruleOf: (name: string) => FieldRule, own = NO_RULE): void {
  const members = record as Readonly<Record<string, unknown>>;
  work.push('}');
  for (const name of Object.keys(record).sort().reverse()) {
    const rule = ruleOf(name);
    const value = members[name];
    if (rule.isIgnored || value === undefined || (value === null && rule.nullIsAbsent)) continue;
    work.push(',', [value, rule], `${textOfName(name, own)}:`);
  }
  work.push('{');
}

/** What a text stands for where text is what it spells. */
function unspelled(value: unknown, rule: FieldRule): unknown {
  return rule.isSpelled && typeof value === 'string' ? (parseNestedJson(value) ?? value) : value;
}

function isLeaf(value: unknown): boolean {
  return (
    typeof value !== 'object' ||
    value === null ||
    value instanceof Instant ||
    value instanceof Decimal ||
    value instanceof Uint8Array
  );
}

function write(work: Work): string {
  let text = '';
  for (let item = work.pop(); item !== undefined; item = work.pop()) {
    if (typeof item === 'string') {
      text += item;
      continue;
    }
    const rule = item[1];
    const value = unspelled(item[0], rule);
    if (Array.isArray(value)) pushArray(work, value, rule);
    else if (isLeaf(value)) text += leafText(value, rule);
    else pushRecord(work, value as object, (name) => nestedRule(rule, name), rule);
  }
  return text;
}

/** The one text of all records that are the same by the rules. Never recurses. */
export function canonicalText(record: object, rules: DiffRules = STRICT): string {
  const work: Work = [];
  pushRecord(work, record, rules.of);
  return write(work);
}

/** The same of one value of a field. */
export function canonicalValue(value: unknown, rule: FieldRule): string {
  return write([[value, rule]]);
}

const HEX_DIGITS = 32;

/** 128 bits of SHA-256 over the canonical text of a record, as 32 hex digits. */
export function rowDigest(record: object, rules: DiffRules = STRICT): string {
  return hash('sha256', canonicalText(record, rules), 'hex').slice(0, HEX_DIGITS);
}

const MASK = (1n << 128n) - 1n;

/** Digest of a set of records: how many there are, and the sum of their digests. */
export class ContentDigest {
  #sum = 0n;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @param digest as `rowDigest` gives it */
  add(digest: string): void {
    this.#sum = (this.#sum + BigInt(`0x${digest}`)) & MASK;
    this.#count += 1;
  }

  /** Adds the records of another set. */
  merge(other: ContentDigest): void {
    this.#sum = (this.#sum + other.#sum) & MASK;
    this.#count += other.#count;
  }

  /** `<count>:<32 hex digits>` */
  toString(): string {
    return `${this.#count}:${this.#sum.toString(16).padStart(HEX_DIGITS, '0')}`;
  }
}

/** Digest of a set of records in one go. */
export function contentDigest(records: Iterable<object>, rules: DiffRules = STRICT): ContentDigest {
  const digest = new ContentDigest();
  for (const record of records) digest.add(rowDigest(record, rules));
  return digest;
}
