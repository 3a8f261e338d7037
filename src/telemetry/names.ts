/** Every metric this package exposes: one table that the registry, the alert rules and the docs are read from. */

export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Label names beside `chain`, which every metric carries. */
  readonly labels: readonly string[];
}

export const METRICS = {
  fallback_tier_transitions_total: {
    type: 'counter',
    help: 'Times that rows of a batch left one tier for another, by reason.',
    labels: ['from', 'to', 'reason'],
  },
  circuit_breaker_state: {
    type: 'gauge',
    help: 'State of the circuit of a tier: 0 closed, 1 half-open, 2 open, 3 isolated.',
    labels: ['tier'],
  },
  circuit_breaker_state_changes: {
    type: 'counter',
    help: 'Changes of the state of the circuit of a tier, by the new state.',
    labels: ['tier', 'to'],
  },
  deferred_reconciliation_queue_depth: {
    type: 'gauge',
    help: 'Reconcile jobs that are announced and not settled.',
    labels: [],
  },
  jobs_unannounced: {
    type: 'gauge',
    help: 'Stored objects whose reconcile job the queue did not take yet; they are kept and announced when it does.',
    labels: [],
  },
  jobs_left_to_sweep_total: {
    type: 'counter',
    help: 'Stored objects whose reconcile job was not kept any more while the queue was away: a sweep announces them.',
    labels: [],
  },
  tier_execution_latency_seconds: {
    type: 'histogram',
    help: 'Time that one batch spent in a tier.',
    labels: ['tier', 'outcome'],
  },
  fallback_records_total: {
    type: 'counter',
    help: 'Records by the tier that settled them, their disposition and the reason that led there.',
    labels: ['tier', 'disposition', 'reason'],
  },
  fallback_unaccounted_records: {
    type: 'gauge',
    help: 'Records taken in less records in a disposition. Anything but 0 is a defect.',
    labels: [],
  },
  fallback_loss_cells_total: {
    type: 'counter',
    help: 'Cells changed by structural degradation, by field and kind of change.',
    labels: ['field', 'kind'],
  },
  fallback_healed_rows_total: {
    type: 'counter',
    help: 'Records that were delivered degraded and are decided now: healed, superseded by a newer version, or gone from the sink.',
    labels: ['outcome'],
  },
  fallback_budget_reserved_bytes: {
    type: 'gauge',
    help: 'Bytes of memory leased from the budget of a tier.',
    labels: ['tier'],
  },
  journal_depth_rows: {
    type: 'gauge',
    help: 'Records in the local journal that no store owns yet.',
    labels: [],
  },
  journal_depth_bytes: {
    type: 'gauge',
    help: 'Bytes in the local journal that no store owns yet.',
    labels: [],
  },
  journal_depth_oldest_age_seconds: {
    type: 'gauge',
    help: 'Age of the oldest entry in the local journal; 0 when it is empty.',
    labels: [],
  },
  journal_fill_ratio: {
    type: 'gauge',
    help: 'Depth of the local journal by its watermark: 1 is full.',
    labels: [],
  },
  journal_refused_rows_total: {
    type: 'counter',
    help: 'Records that the local journal had no room for, by priority: refused, or dropped where the chain says so.',
    labels: ['priority'],
  },
  replay_lag_seconds: {
    type: 'gauge',
    help: 'Age of the oldest deferred record that is not settled; 0 when there is none.',
    labels: [],
  },
  fenced_keys: {
    type: 'gauge',
    help: 'Ordering keys with deferred records: their new batches are deferred behind them.',
    labels: [],
  },
  replay_pace_rows_per_second: {
    type: 'gauge',
    help: 'Records per second that replay may send to the sink; 0 while it is paused.',
    labels: [],
  },
  replay_paused: {
    type: 'gauge',
    help: 'Whether replay sends nothing because the sink is away: 1, else 0.',
    labels: [],
  },
  replay_in_flight_entries: {
    type: 'gauge',
    help: 'Stored batches that replay is sending.',
    labels: [],
  },
  quarantine_rows: {
    type: 'gauge',
    help: 'Records in quarantine, by the reason they cannot land.',
    labels: ['reason'],
  },
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof METRICS;

/** Names of one type: `NamesOf<'counter'>`. */
export type NamesOf<T extends MetricSpec['type']> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];

/** The labels a metric is asked for, by name; `chain` is added by the registry. */
export type LabelsOf<N extends MetricName> = Readonly<Record<(typeof METRICS)[N]['labels'][number], string>>;
