/** Which keys a server of v1 holds, by InfluxQL. Without bounds of time: what is not found is taken for not there. */
import { SinkError } from '../../core/errors.ts';
import type { InfluxPoint } from './options.ts';
import { encodeKeyTag } from './point.ts';

/** Keys of one query: each is a condition, and the parser takes them one inside the other. */
export const KEYS_AT_ONCE = 200;

type OwnKey = NonNullable<InfluxPoint['key']>;

/** How a key is spelled in the database. */
export function spelledKey(own: OwnKey, key: string): string {
  return 'tag' in own ? encodeKeyTag(key) : key;
}

export function lookupQuery({ measurement }: InfluxPoint, own: OwnKey, keys: readonly string[]): string {
  const from = typeof measurement === 'string' ? identifier(measurement) : '/.*/';
  const name = identifier('tag' in own ? own.tag : own.field);
  const wanted = keys.map((key) => `${name} = ${literal(spelledKey(own, key))}`).join(' OR ');
  // One point of each series is enough, and a tag comes with the series rather than with the point.
  if ('tag' in own) return `SELECT * FROM ${from} WHERE ${wanted} GROUP BY ${name} LIMIT 1`;
  return `SELECT ${name} FROM ${from} WHERE ${wanted}`;
}

/** What the answer says is held, as spelled. @throws SinkError when it is no answer to such a query, or an error */
export function heldIn(text: string, own: OwnKey, sink: string): ReadonlySet<string> {
  const held = new Set<string>();
  for (const series of seriesOf(text, sink)) {
    const { tags, columns, values } = Object(series) as Readonly<Record<string, unknown>>;
    const name = 'tag' in own ? own.tag : own.field;
    if ('tag' in own) {
      const spelled = (Object(tags) as Readonly<Record<string, unknown>>)[name];
      if (typeof spelled === 'string') held.add(spelled);
      continue;
    }
    const at = Array.isArray(columns) ? columns.indexOf(name) : -1;
    for (const row of Array.isArray(values) ? values : []) {
      if (Array.isArray(row) && typeof row[at] === 'string') held.add(row[at]);
    }
  }
  return held;
}

function seriesOf(text: string, sink: string): readonly unknown[] {
  const unusable = (what: string): SinkError => new SinkError('unavailable', `${sink}: the lookup ${what}`);
  let answer: Readonly<Record<string, unknown>>;
  try {
    answer = Object(JSON.parse(text));
  } catch {
    throw unusable('was answered by what is no JSON');
  }
  const { results } = answer;
  if (!Array.isArray(results)) throw unusable('was answered without results');
  return results.flatMap((result: unknown) => {
    const { error, series, partial } = Object(result) as Readonly<Record<string, unknown>>;
    if (error !== undefined) throw unusable(`failed: ${String(error).slice(0, 200)}`);
    // Taken for whole, a part would have rows looked for that are there.
    if (partial === true) throw unusable('was answered in part');
    return Array.isArray(series) ? series : [];
  });
}

function identifier(name: string): string {
  return `"${name.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&').replaceAll('\n', '\\n')}'`;
}
