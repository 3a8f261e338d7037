/** Instruments as the engine sees them; `telemetry` implements and renders them. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(count: number): void;
}

export interface Histogram {
  record(valueMs: number): void;
}

export interface Metrics {
  /** The same name and labels give the same counter. */
  counter(name: string, labels: Labels): Counter;
  /** `read` is called when somebody scrapes. */
  gauge(name: string, labels: Labels, read: () => number): void;
  histogram(name: string, labels: Labels): Histogram;
}
