/**
 * The metrics of one chain, as plain numbers that are read when somebody scrapes.
 *
 * M1 asking twice for the same name and labels gives the same series. M2 a metric has at most `seriesMax` series;
 * what would exceed that is counted under `other`, so totals stay right and memory stays bounded. M3 a gauge
 * that throws is left out of one scrape and never spoils it.
 */
import { BOUNDARIES_MS, LogLinearHistogram } from './histogram.ts';
import { type LabelsOf, METRICS, type MetricName, type NamesOf } from './names.ts';

/** A number that only grows. */
export class Counter {
  #value = 0;

  /** Adds `n`, which must not be negative. */
  add(n: number): void {
    this.#value += n;
  }

  get value(): number {
    return this.#value;
  }
}

export interface MetricsOptions {
  /** Series kept per metric before further label values count as `other`. @default 1000 */
  readonly seriesMax?: number;
}

/** The metrics of one chain. */
export interface Metrics {
  /** The counter of these labels; keep it, asking costs more than counting. */
  counter<N extends NamesOf<'counter'>>(name: N, labels: LabelsOf<N>): Counter;
  /** Reads a number at every scrape; asking again for the same labels replaces `read`. */
  gauge<N extends NamesOf<'gauge'>>(name: N, labels: LabelsOf<N>, read: () => number): void;
  /** The histogram of these labels: record milliseconds, seconds are exposed. */
  histogram<N extends NamesOf<'histogram'>>(name: N, labels: LabelsOf<N>): LogLinearHistogram;
  /** All series as Prometheus text, version 0.0.4. */
  render(): string;
}

/** What `/metrics` must be served as. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

interface Gauge {
  read: () => number;
}
type Labels = Readonly<Record<string, string>>;

/** The series of one metric by their label text. */
class Family<S> {
  readonly series = new Map<string, S>();
  readonly #name: MetricName;
  readonly #chain: string;
  readonly #seriesMax: number;

  constructor(name: MetricName, chain: string, seriesMax: number) {
    this.#name = name;
    this.#chain = chain;
    this.#seriesMax = seriesMax;
  }

  find(labels: Labels, create: () => S): S {
    const text = this.#labelText((label) => labels[label] ?? '', labels['chain']);
    const found = this.series.get(text);
    if (found) return found;
    // One place is kept for the overflow series itself.
    const isFull = this.series.size >= this.#seriesMax - 1 && METRICS[this.#name].labels.length > 0;
    return this.#keep(isFull ? this.#labelText(() => 'other') : text, create);
  }

  #keep(text: string, create: () => S): S {
    const made = this.series.get(text) ?? create();
    this.series.set(text, made);
    return made;
  }

  #labelText(valueFor: (label: string) => string, chain = this.#chain): string {
    const pairs = METRICS[this.#name].labels.map((label) => `${label}="${escapeLabel(valueFor(label))}"`);
    return [`chain="${escapeLabel(chain)}"`, ...pairs].join(',');
  }
}

/**
 * Creates the empty metrics of one chain; `chain` becomes a label of every series that does not name another, as
 * those of the chain's replay do.
 */
export function createMetrics(chain: string, options: MetricsOptions = {}): Metrics {
  const seriesMax = options.seriesMax ?? 1000;
  const counters = new Map<MetricName, Family<Counter>>();
  const gauges = new Map<MetricName, Family<Gauge>>();
  const histograms = new Map<MetricName, Family<LogLinearHistogram>>();

  function series<S>(
    families: Map<MetricName, Family<S>>,
    name: MetricName,
    labels: Labels,
    create: () => S,
  ): S {
    const family = families.get(name) ?? new Family<S>(name, chain, seriesMax);
    families.set(name, family);
    return family.find(labels, create);
  }

  return {
    counter: (name, labels) => series(counters, name, labels, () => new Counter()),
    histogram: (name, labels) => series(histograms, name, labels, () => new LogLinearHistogram()),
    gauge(name, labels, read) {
      series(gauges, name, labels, () => ({ read })).read = read;
    },
    render() {
      const families = [
        ...renderFamilies(counters, (name, labels, counter) => [sample(name, labels, counter.value)]),
        ...renderFamilies(gauges, renderGauge),
        ...renderFamilies(histograms, renderHistogram),
      ];
      return families.join('');
    },
  };
}

function renderFamilies<S>(
  families: ReadonlyMap<MetricName, Family<S>>,
  lines: (name: string, labels: string, series: S) => readonly string[],
): string[] {
  return [...families].map(([name, { series }]) => {
    const { help, type } = METRICS[name];
    const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    return head + [...series].flatMap(([labels, one]) => lines(name, labels, one)).join('');
  });
}

function renderGauge(name: string, labels: string, gauge: Gauge): readonly string[] {
  try {
    return [sample(name, labels, gauge.read())];
  } catch {
    return [];
  }
}

function renderHistogram(name: string, labels: string, histogram: LogLinearHistogram): readonly string[] {
  const bounds = [...BOUNDARIES_MS.map((ms) => String(ms / 1000)), '+Inf'];
  const counts = histogram.cumulative();
  return [
    ...bounds.map((le, index) => sample(`${name}_bucket`, `${labels},le="${le}"`, counts[index] ?? 0)),
    sample(`${name}_sum`, labels, histogram.sum / 1000),
    sample(`${name}_count`, labels, histogram.count),
  ];
}

function sample(name: string, labels: string, value: number): string {
  return `${name}{${labels}} ${numberText(value)}\n`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
