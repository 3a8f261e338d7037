/** Declared date formats: `MMM DD YYYY`, `YYYY/MM/DD HH:mm`. A text of the declared shape is read by it or not at all. */
import { type Moment, makeMoment } from './time-grammar.ts';

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const SHORT_MONTHS = MONTHS.map((month) => month.slice(0, 3));

const TOKEN = /\[([^\]]*)\]|YYYY|MMMM|MMM|MM|M|DD|D|HH|H|mm|ss|S+|Z|T|[A-Za-z]+|[^A-Za-z]/g;

const PATTERNS: Readonly<Record<string, string>> = {
  YYYY: '(?<year>\\d{4})',
  MMMM: `(?<monthName>${MONTHS.join('|')})`,
  MMM: `(?<monthShort>${SHORT_MONTHS.join('|')})`,
  MM: '(?<month>\\d{2})',
  M: '(?<month>\\d{1,2})',
  DD: '(?<day>\\d{2})',
  D: '(?<day>\\d{1,2})',
  HH: '(?<hour>\\d{2})',
  H: '(?<hour>\\d{1,2})',
  mm: '(?<minute>\\d{2})',
  ss: '(?<second>\\d{2})',
  Z: '(?<offset>Z|[+-]\\d{2}:?\\d{2})',
};

export interface TimeFormat {
  /** `other` = the text has another shape; `invalid` = the right shape but no such day or time. */
  parse(text: string): Moment | 'other' | 'invalid';
}

function escapeLiteral(literal: string): string {
  return literal.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}

function patternOf(token: string, quoted: string | undefined): string | undefined {
  if (quoted !== undefined) return escapeLiteral(quoted);
  if (/^S+$/.test(token)) return `(?<fraction>\\d{${token.length}})`;
  if (token === 'T' || !/^[A-Za-z]/.test(token)) return escapeLiteral(token);
  return PATTERNS[token];
}

function monthOf(groups: Readonly<Record<string, string | undefined>>): string | undefined {
  const { month, monthName, monthShort } = groups;
  if (month !== undefined) return month;
  const index = monthName === undefined ? SHORT_MONTHS.indexOf(monthShort ?? '') : MONTHS.indexOf(monthName);
  return String(index + 1);
}

/**
 * Tokens: YYYY MMMM MMM MM M DD D HH H mm ss S… Z, `T`, text in [brackets] and anything that is no letter.
 * @returns the format, or a sentence saying what is wrong with it
 */
export function compileTimeFormat(format: string): TimeFormat | string {
  const patterns: string[] = [];
  for (const match of format.matchAll(TOKEN)) {
    const pattern = patternOf(match[0], match[1]);
    if (pattern === undefined) return `${JSON.stringify(match[0])} is no token; put plain text in [brackets]`;
    patterns.push(pattern);
  }
  const source = patterns.join('');
  for (const part of ['<year>', '<month', '<day>']) {
    if (source.split(`(?${part}`).length !== 2) return 'it needs YYYY, one month token and one day token';
  }
  const repeated = /\(\?<(\w+)>.*\(\?<\1>/.exec(source);
  if (repeated) return `it names the ${repeated[1]} twice`;
  const regex = new RegExp(`^${source}$`);
  return {
    parse(text) {
      const groups = regex.exec(text)?.groups;
      if (!groups) return 'other';
      const { year, day, hour, minute, second, fraction, offset } = groups;
      const month = monthOf(groups);
      return makeMoment({ year, month, day, hour, minute, second, fraction, offset }) ?? 'invalid';
    },
  };
}
