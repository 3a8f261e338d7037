/** Changes of the rules of one field: words, lengths, forms of times, key, and what only coercion looks at. */
import type { Field } from '../arrow.ts';
import { compileTimeFormat } from '../time-format.ts';
import { breaking, COMPATIBLE, coercible, type Verdict } from './compatibility.ts';
import type { FieldDomain } from './field-domain.ts';
import type { ChangeKind, SchemaChange } from './schema-change.ts';

interface RuleChange {
  readonly kind: ChangeKind;
  /** What is compared and shown; undefined = there is no such rule. */
  readonly show: (field: Field) => string | undefined;
  readonly judge: (from: FieldDomain, to: FieldDomain) => Verdict;
}

function rule(field: Field, key: string): string | undefined {
  return field.metadata.get(key);
}

function listOf(field: Field, key: string): readonly string[] {
  const list: unknown = JSON.parse(rule(field, key) ?? '[]');
  return Array.isArray(list) ? list.map(String) : [];
}

/** What becomes of a text that is none of the words. */
function judgeUnknown(to: FieldDomain, why: string): Verdict {
  const { field } = to;
  const policy = rule(field, 'onUnknown') ?? 'refuse';
  if (policy === 'refuse') return breaking(why);
  // A default is a word, but the default of nothing is nothing.
  return coercible(`${why}: becomes ${policy === 'null' ? 'null' : 'the default'}`);
}

function judgeWords(from: FieldDomain, to: FieldDomain): Verdict {
  if (!to.words || to.family !== 'text') return COMPATIBLE;
  if (!from.words) return judgeUnknown(to, 'texts other than the words');
  const allowed = new Set(to.words);
  const gone = from.words.find((word) => !allowed.has(word));
  return gone === undefined ? COMPATIBLE : judgeUnknown(to, `${JSON.stringify(gone)} is no word any more`);
}

function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

/** The shortest and the longest text that a field takes. */
function lengthsOf({ field, words, family }: FieldDomain): readonly [number, number] {
  const [min, max] = [
    Number(rule(field, 'minLength') ?? 0),
    Number(rule(field, 'maxLength') ?? Number.POSITIVE_INFINITY),
  ];
  if (family !== 'text' || !words) return [min, max];
  const lengths = words.map(lengthOf).filter((length) => length >= min && length <= max);
  return [Math.min(...lengths), Math.max(...lengths)];
}

function judgeLength(from: FieldDomain, to: FieldDomain): Verdict {
  if (to.family !== 'text') return COMPATIBLE;
  const [oldMin, oldMax] = from.family === 'text' ? lengthsOf(from) : [0, Number.POSITIVE_INFINITY];
  const min = Number(rule(to.field, 'minLength') ?? 0);
  const max = Number(rule(to.field, 'maxLength') ?? Number.POSITIVE_INFINITY);
  return oldMin >= min && oldMax <= max ? COMPATIBLE : breaking('texts of another length');
}

/** Whether some ISO date has the declared shape, and so would be read by it. */
function catchesIso(format: string): boolean {
  const compiled = compileTimeFormat(format);
  if (typeof compiled === 'string') return true;
  const samples = [
    '2001-02-03',
    '2001-02-03T04:05:06',
    '2001-02-03T04:05:06Z',
    '2001-02-03T04:05:06.789+01:00',
  ];
  return samples.some((text) => compiled.parse(text) !== 'other');
}

/** Only what both families share: another type has judged the form already. */
function judgeForm(from: FieldDomain, to: FieldDomain): Verdict {
  const isTime = (family: string) => family === 'date' || family === 'timestamp';
  if (!isTime(to.family) || !isTime(from.family)) return COMPATIBLE;
  if (from.format !== undefined && from.format !== to.format)
    return breaking(`texts of the form ${from.format}`);
  return to.format !== undefined && from.format !== to.format && catchesIso(to.format)
    ? breaking(`ISO 8601 that looks like ${to.format}`)
    : COMPATIBLE;
}

function judgeEpoch(from: FieldDomain, to: FieldDomain): Verdict {
  const [old, now] = [rule(from.field, 'epoch'), rule(to.field, 'epoch')];
  return old === undefined || old === now ? COMPATIBLE : breaking(`numbers that count ${old}`);
}

function judgeTidying(from: FieldDomain, to: FieldDomain): Verdict {
  const isStricter =
    rule(to.field, 'text') !== undefined && rule(to.field, 'text') !== rule(from.field, 'text');
  if (!isStricter) return COMPATIBLE;
  const isLimited = to.words !== undefined || Number(rule(to.field, 'minLength') ?? 0) > 0;
  return isLimited
    ? breaking('untidy texts that are too short then, or no word')
    : coercible('untidy texts are tidied');
}

function judgeNullWords(from: FieldDomain, to: FieldDomain): Verdict {
  const known = new Set(listOf(from.field, 'nullWords'));
  const isMore = to.family === 'text' && listOf(to.field, 'nullWords').some((word) => !known.has(word));
  return isMore ? coercible('texts that stand for nothing become null') : COMPATIBLE;
}

function flagOf(key: string, otherwise: string): RuleChange['show'] {
  return (field) => `${key}: ${rule(field, key) ?? otherwise}`;
}

function showLength(field: Field): string | undefined {
  const [min, max] = [rule(field, 'minLength'), rule(field, 'maxLength')];
  return min === undefined && max === undefined ? undefined : `${min ?? 0} to ${max ?? '…'}`;
}

function showWords(field: Field): string | undefined {
  const words = listOf(field, 'enum');
  return rule(field, 'enum') === undefined ? undefined : words.join(' | ');
}

/** Coercion alone looks at these, or nobody: no strict record is refused for them. */
const COERCION_RULES = ['precision', 'default', 'onUnknown', 'tolerance'];

const RULES: readonly RuleChange[] = [
  { kind: 'words', show: showWords, judge: judgeWords },
  { kind: 'length', show: showLength, judge: judgeLength },
  { kind: 'form', show: (field) => rule(field, 'format'), judge: judgeForm },
  { kind: 'form', show: (field) => rule(field, 'epoch'), judge: judgeEpoch },
  { kind: 'form', show: (field) => rule(field, 'text'), judge: judgeTidying },
  { kind: 'form', show: (field) => rule(field, 'nullWords'), judge: judgeNullWords },
  {
    kind: 'key',
    show: flagOf('key', 'false'),
    judge: () => breaking('records get other keys, so that one sent again is another record'),
  },
  { kind: 'rules', show: flagOf('essential', 'true'), judge: () => COMPATIBLE },
  { kind: 'rules', show: flagOf('leadingZeros', 'false'), judge: () => COMPATIBLE },
  { kind: 'rules', show: flagOf('aliases', '[]'), judge: () => COMPATIBLE },
  ...COERCION_RULES.map(
    (key): RuleChange => ({
      kind: 'rules',
      show: (field) => (rule(field, key) === undefined ? undefined : `${key}: ${rule(field, key)}`),
      judge: () => COMPATIBLE,
    }),
  ),
];

/** One change for each rule that differs. */
export function diffRules(path: string, from: FieldDomain, to: FieldDomain): readonly SchemaChange[] {
  return RULES.flatMap(({ kind, show, judge }) => {
    const [old, now] = [show(from.field), show(to.field)];
    return old === now ? [] : [{ path, kind, from: old, to: now, ...judge(from, to) }];
  });
}
