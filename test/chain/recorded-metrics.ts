import type { Counter, Histogram, Labels, Metrics } from '../../src/core/metrics.ts';

interface Series {
  readonly name: string;
  readonly labels: Labels;
  value: number;
}

/** Metrics that can be asked: sums over every series whose labels include those asked for. */
export class RecordedMetrics implements Metrics {
  readonly #counters: Series[] = [];
  readonly #gauges: { readonly name: string; readonly labels: Labels; readonly read: () => number }[] = [];
  readonly #histograms: Series[] = [];

  counter(name: string, labels: Labels): Counter {
    const series = seriesOf(this.#counters, name, labels);
    return {
      add: (count) => {
        series.value += count;
      },
    };
  }

  gauge(name: string, labels: Labels, read: () => number): void {
    this.#gauges.push({ name, labels, read });
  }

  histogram(name: string, labels: Labels): Histogram {
    const series = seriesOf(this.#histograms, name, labels);
    return {
      record: () => {
        series.value += 1;
      },
    };
  }

  total(name: string, labels: Labels = {}): number {
    return sum(this.#counters.filter((series) => series.name === name && includes(series.labels, labels)));
  }

  /** Times a histogram was recorded. */
  recordings(name: string, labels: Labels = {}): number {
    return sum(this.#histograms.filter((series) => series.name === name && includes(series.labels, labels)));
  }

  read(name: string, labels: Labels = {}): number[] {
    return this.#gauges
      .filter((gauge) => gauge.name === name && includes(gauge.labels, labels))
      .map(({ read }) => read());
  }
}

function seriesOf(all: Series[], name: string, labels: Labels): Series {
  const found = all.find((series) => series.name === name && sameLabels(series.labels, labels));
  if (found) return found;
  const made = { name, labels, value: 0 };
  all.push(made);
  return made;
}

function includes(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([label, value]) => labels[label] === value);
}

function sameLabels(a: Labels, b: Labels): boolean {
  return includes(a, b) && includes(b, a);
}

function sum(series: readonly Series[]): number {
  return series.reduce((total, { value }) => total + value, 0);
}
