/** The table of all rules: what a kind of change loses, or how it is undone. */
import type { LossKind } from '../reader.ts';
import { arrayFromScalarRule } from './array-from-scalar.ts';
import { boolFromNumberRule } from './bool-from-number.ts';
import { boolFromTextRule } from './bool-from-text.ts';
import { defaultedRule } from './defaulted.ts';
import { jsonFromTextRule } from './json-from-text.ts';
import { missingRule } from './missing.ts';
import { nestedRule } from './nested.ts';
import { normalizedRule } from './normalized.ts';
import { nullFromTextRule } from './null-from-text.ts';
import { nulledRule } from './nulled.ts';
import { numberFromTextRule } from './number-from-text.ts';
import { renamedRule } from './renamed.ts';
import { roundedRule } from './rounded.ts';
import type { Rule } from './rule.ts';
import { scalarFromArrayRule } from './scalar-from-array.ts';
import { strippedRule } from './stripped.ts';
import { textFromBoolRule } from './text-from-bool.ts';
import { textFromNumberRule } from './text-from-number.ts';
import { textFromObjectRule } from './text-from-object.ts';
import { timeFromNumberRule } from './time-from-number.ts';
import { timeFromTextRule } from './time-from-text.ts';
import { trimmedRule } from './trimmed.ts';
import { unknownWordRule } from './unknown-word.ts';
import { wordFromTextRule } from './word-from-text.ts';

export const RULES: Readonly<Record<LossKind, Rule>> = {
  renamed: renamedRule,
  missing: missingRule,
  stripped: strippedRule,
  nulled: nulledRule,
  defaulted: defaultedRule,
  'unknown-word': unknownWordRule,
  'null-from-text': nullFromTextRule,
  rounded: roundedRule,
  'number-from-text': numberFromTextRule,
  'bool-from-text': boolFromTextRule,
  'bool-from-number': boolFromNumberRule,
  'text-from-number': textFromNumberRule,
  'text-from-bool': textFromBoolRule,
  'text-from-object': textFromObjectRule,
  'json-from-text': jsonFromTextRule,
  'time-from-text': timeFromTextRule,
  'time-from-number': timeFromNumberRule,
  trimmed: trimmedRule,
  normalized: normalizedRule,
  'word-from-text': wordFromTextRule,
  'scalar-from-array': scalarFromArrayRule,
  'array-from-scalar': arrayFromScalarRule,
  nested: nestedRule,
};
