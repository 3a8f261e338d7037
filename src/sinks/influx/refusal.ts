/**
 * What a server says about lines that it did not take, in the words of each version.
 *
 * | Server | Words |
 * |---|---|
 * | 1.x, all lines bad | `unable to parse 'LINE': WHY`, one line each |
 * | 1.x, some lines bad, the others are in | `partial write: unable to parse 'LINE': WHY … dropped=0` |
 * | 1.x, 2.x, points that do not fit | `partial write: field type conflict: input field "F" on measurement "M" is type T, already exists as type U dropped=N`: the first of them alone |
 * | 1.x, points of one request that do not fit each other, in a part of time that held none | `field type conflict`, and nothing else; points of other parts of time are in |
 * | 3.x | `{"error", "data": [{"original_line", "line_number", "error_message"}]}` |
 */

export interface Refusal {
  /** Lines that are to blame, by position, with the words for each. */
  readonly named: ReadonlyMap<number, string>;
  /** How many points fell, as the server counts; undefined when it does not. */
  readonly dropped: number | undefined;
  /** Whether it is about lines at all, and not about the request. */
  readonly isOfLines: boolean;
  /** Positions that the words fit, without naming them: a guess. */
  readonly suspects: readonly number[];
}

interface Complaint {
  readonly line: string;
  readonly words: string;
}

/** @param lines as they were sent */
export function readRefusal(text: string, lines: readonly Uint8Array[]): Refusal {
  const answer = parsed(text);
  const words = wordsOf(answer) ?? text;
  const ofData = complaintsOf(answer['data']);
  const complaints = ofData.length > 0 ? ofData : complaintsIn(words);
  const texts = lines.map((line) => Buffer.from(line).toString());
  const dropped = / dropped=(\d+)\s*$/.exec(words)?.[1];
  return {
    named: named(complaints, texts),
    dropped: dropped === undefined || complaints.length > 0 ? undefined : Number(dropped),
    isOfLines: complaints.length > 0 || OF_LINES.test(words),
    suspects: suspectsOf(words, texts),
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

function wordsOf(answer: Readonly<Record<string, unknown>>): string | undefined {
  return [answer['error'], answer['message']].find((words) => typeof words === 'string') as string | undefined;
}

function complaintsOf(data: unknown): readonly Complaint[] {
  return (Array.isArray(data) ? data : [data]).flatMap((entry: unknown) => {
    const { original_line: line, error_message: words } = Object(entry) as Readonly<Record<string, unknown>>;
    return typeof line === 'string' && typeof words === 'string' ? [{ line, words }] : [];
  });
}

const OF_LINES = /partial write|unable to parse|line protocol|field type conflict|beyond retention/i;
const COMPLAINT = /unable to parse '([\s\S]*?)': ([^\n]*?)(?: dropped=\d+\s*)?(?=\nunable to parse '|\s*$)/g;

function complaintsIn(words: string): readonly Complaint[] {
  return [...words.matchAll(COMPLAINT)].map(([, line = '', why = '']) => ({ line, words: why }));
}

/** A line is to blame when it is the very text that is quoted; equal lines are so together. */
function named(complaints: readonly Complaint[], texts: readonly string[]): ReadonlyMap<number, string> {
  const byLine = new Map(complaints.map(({ line, words }) => [line.trim(), words]));
  const found = new Map<number, string>();
  for (const [position, text] of texts.entries()) {
    const words = byLine.get(text.trim());
    if (words !== undefined) found.set(position, words);
  }
  return found;
}

const CONFLICT = /input field "([\s\S]*)" on measurement "[\s\S]*" is type \w+, already exists as type (\w+)/;

const VALUE_OF_TYPE: Readonly<Record<string, RegExp>> = {
  string: /^"/,
  boolean: /^[tTfF]/,
  integer: /^-?\d+i/,
  float: /^[-+.\d][^i,]*(?:[, ]|$)/,
};

/** Lines with a value of another type in the field that the words name. */
function suspectsOf(words: string, texts: readonly string[]): readonly number[] {
  const [, field = '', type = ''] = CONFLICT.exec(words) ?? [];
  const expected = VALUE_OF_TYPE[type];
  if (expected === undefined) return [];
  const head = `${field.replaceAll(/[,= ]/g, '\\$&')}=`;
  return texts.flatMap((text, position) => {
    const at = Math.max(text.indexOf(` ${head}`), text.indexOf(`,${head}`));
    return at >= 0 && !expected.test(text.slice(at + 1 + head.length)) ? [position] : [];
  });
}
