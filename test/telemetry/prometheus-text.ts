/** A strict reader of the Prometheus text format 0.0.4: what it does not know, it refuses. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const VALUE = /^(?:[+-]Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

export function parsePrometheus(text: string): ReadonlyMap<string, MetricFamily> {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, MetricFamily>();
  const seen = new Set<string>();
  let current: MetricFamily | undefined;
  let help: RegExpExecArray | null = null;
  for (const line of text.split('\n').slice(0, -1)) {
    const isHelp = /^# HELP ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    const isType = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/.exec(line);
    if (isHelp) {
      help = isHelp;
    } else if (isType) {
      const [, name = '', type = ''] = isType;
      if (help?.[1] !== name) throw new Error(`TYPE of ${name} does not follow its HELP`);
      if (families.has(name)) throw new Error(`${name} is there twice`);
      current = { name, type, help: help[2] ?? '', samples: [] };
      families.set(name, current);
    } else {
      const sample = parseSample(line);
      if (!current || !belongs(sample.name, current)) throw new Error(`no TYPE before ${line}`);
      const id = `${sample.name}${JSON.stringify([...sample.labels].sort())}`;
      if (seen.has(id)) throw new Error(`the series is there twice: ${line}`);
      seen.add(id);
      current.samples.push(sample);
    }
  }
  for (const family of families.values()) if (family.type === 'histogram') checkHistogram(family);
  return families;
}

function belongs(name: string, { type, name: family }: MetricFamily): boolean {
  return type === 'histogram'
    ? ['_bucket', '_sum', '_count'].some((end) => name === family + end)
    : name === family;
}

function parseSample(line: string): Sample {
  const head = /^([a-zA-Z_:][\w:]*)\{/.exec(line);
  if (!head) throw new Error(`not a sample: ${line}`);
  const labels = new Map<string, string>();
  let rest = line.slice(head[0].length);
  for (;;) {
    const pair = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"([,}])/.exec(rest);
    if (!pair) throw new Error(`bad labels: ${line}`);
    const [all, key = '', raw = '', end] = pair;
    if (labels.has(key)) throw new Error(`label ${key} is there twice: ${line}`);
    labels.set(
      key,
      raw.replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char)),
    );
    rest = rest.slice(all.length);
    if (end === '}') break;
  }
  const value = rest.slice(1);
  if (rest[0] !== ' ' || !VALUE.test(value)) throw new Error(`bad value: ${line}`);
  return { name: head[1] ?? '', labels, value: Number(value.replace('Inf', 'Infinity')) };
}

/** Buckets ascend in `le` and in count, end with +Inf, and agree with `_count`. */
function checkHistogram({ name, samples }: MetricFamily): void {
  const series = Map.groupBy(samples, ({ labels }) =>
    JSON.stringify([...labels].filter(([key]) => key !== 'le')),
  );
  for (const [id, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) =>
      Number((labels.get('le') ?? 'missing').replace('Inf', 'Infinity')),
    );
    const counts = buckets.map(({ value }) => value);
    const ascends = (list: readonly number[]): boolean =>
      list.every((item, i) => i === 0 || item >= (list[i - 1] ?? 0));
    if (!ascends(bounds) || new Set(bounds).size !== bounds.length)
      throw new Error(`le of ${name} ${id} do not ascend`);
    if (!ascends(counts)) throw new Error(`counts of ${name} ${id} are not cumulative`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name} ${id} has no +Inf`);
    const count = own.find((sample) => sample.name === `${name}_count`);
    if (count?.value !== counts.at(-1)) throw new Error(`${name} ${id}: _count is not the last bucket`);
    if (!own.some((sample) => sample.name === `${name}_sum`)) throw new Error(`${name} ${id} has no _sum`);
  }
}
