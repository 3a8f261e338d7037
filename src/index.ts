/** The public surface: what a pipeline imports. Everything else is an internal of the package. */

export type { Backlog, Machine, ReportOptions } from './assembly/backlog.ts';
export { type BullmqQueueOptions, bullmqQueue } from './assembly/bullmq-queue.ts';
export { type CreateEngineOptions, createEngine } from './assembly/create-engine.ts';
export { type DefaultChainOptions, type DefaultTier, defaultChain } from './assembly/default-chain.ts';
export { DURABILITIES, type Durability } from './assembly/durability.ts';
export { createFallback, type Fallback, type FallbackOptions } from './assembly/fallback.ts';
export type { Heal, HealOptions } from './assembly/heal.ts';
export type { HealSettings } from './assembly/keep-healing.ts';
export { functionSink, sqliteSink } from './assembly/local-sinks.ts';
export { httpSink, influxSink } from './assembly/network-sinks.ts';
export type { ObjectOptions } from './assembly/object-settings.ts';
export type { QueueLike, RedisQueueOptions } from './assembly/open-queue.ts';
export type { StoreLike } from './assembly/open-store.ts';
export type { WorkerSettings } from './assembly/reconciler.ts';
export { type S3StoreOptions, s3Store } from './assembly/s3-store.ts';
export type { Breaker, BreakerOptions, BreakerState, CircuitName } from './chain/breaker.ts';
export type {
  Chain,
  ChainDefinition,
  ChainGraph,
  ChainNode,
  EdgeMap,
  ReasonOf,
  Route,
  TierLimits,
} from './chain/chain.ts';
export { DROP, REJECT } from './chain/chain.ts';
export { defineChain } from './chain/define-chain.ts';
export type { Engine, EngineOptions, SubmitOptions } from './chain/engine.ts';
export type { LedgerView } from './chain/ledger.ts';
export type { RunOptions } from './chain/run-batches.ts';
export { defineConfig, type TierfallConfig } from './cli/config.ts';
export { readArrowIpc } from './codecs/arrow-ipc.ts';
export { extractRows, framer, JSON_PATH_ATTRIBUTE } from './codecs/codecs.ts';
export { openParquet, type ParquetFile, type RowGroupColumns } from './codecs/parquet.ts';
export type { UndecodableRow } from './codecs/parquet-bad-rows.ts';
export {
  Batch,
  type BatchInput,
  FORMATS,
  type Format,
  type Frame,
  type Framer,
  type Origin,
  PRIORITIES,
  type Priority,
} from './core/batch.ts';
export type { Cancel, Clock, Random } from './core/clock.ts';
export type { Cell, Column, Columns, ColumnType, TimeUnit } from './core/columns.ts';
export * from './core/errors.ts';
export { type Emit, EventBus, type EventName, type Events, type Listener } from './core/events.ts';
export type { FileStat, FileSystem, OpenFile } from './core/file-system.ts';
export { KeyRing, type NamedKey, type Sealer } from './core/key-ring.ts';
export type { ErrorSpread, LossEntry, LossReport, RefusedEntry } from './core/loss.ts';
export { emptyLoss, mergeLoss } from './core/loss.ts';
export type { Disposition, Outcome, Passage, Receipt, Residue } from './core/outcome.ts';
export { type EngineReason, isPassing, REASONS, type Reason, type SinkReason } from './core/reason.ts';
export type { RowSet } from './core/row-set.ts';
export * from './core/vectors.ts';
export type {
  DiffChange,
  DiffRecord,
  DiffReport,
  Duplicates,
  FieldChanges,
  OnChange,
} from './diff/change.ts';
export type { CellChange } from './diff/compare.ts';
export { diffColumns } from './diff/diff-columns.ts';
export { type DiffOptions, diffRecords } from './diff/diff-records.ts';
export { ContentDigest, contentDigest, rowDigest } from './diff/digest.ts';
export { missingFrom } from './diff/missing.ts';
export type { DiffMode } from './diff/row-identity.ts';
export { type DiffRules, type FieldRule, parseRules, type SideTraits } from './diff/rules.ts';
export { streamChanges } from './diff/stream-changes.ts';
export { Decimal, Instant } from './diff/typed-value.ts';
export { type CoercionValidator, coercionValidator, type ValidatedRows } from './diff/validate-coercion.ts';
export type {
  Journal,
  JournalDamage,
  JournalDepth,
  JournalEntry,
  PriorityDepth,
  Purpose,
  RawEntry,
} from './journal/journal.ts';
export { openSegmentJournal, type SegmentJournalOptions } from './journal/segment-journal.ts';
export { nodeFileSystem } from './platform/node-file-system.ts';
export { systemClock, systemRandom } from './platform/system-clock.ts';
export type { FenceSettings } from './reconcile/fence/order-fence.ts';
export type { HealReport } from './reconcile/heal/heal.ts';
export type { HealLedger } from './reconcile/heal/heal-ledger.ts';
export type { HealedObject } from './reconcile/heal/heal-object.ts';
export type { HealCounts, HealOutcome } from './reconcile/heal/heal-progress.ts';
export type { ReconcileCounts, ReconcileReport } from './reconcile/ledger.ts';
export type { Outage, OutageCounts, OutageVerdict } from './reconcile/manifests/outage.ts';
export type { OutageAccount } from './reconcile/manifests/outage-accounts.ts';
export type { PaceView } from './reconcile/pace/replay-pace.ts';
export type { PaceSettings } from './reconcile/pace/settings.ts';
export type { Quarantine, QuarantinedRow, QuarantineFilter } from './reconcile/quarantine.ts';
export {
  type ClaimedJob,
  type Fill,
  type Job,
  type Queue,
  type QueueDepth,
  QueueForgotError,
} from './reconcile/queue.ts';
export type { DrainOptions, DrainReport, Worker, WorkerStats } from './reconcile/worker.ts';
export { toArrow } from './schema/arrow-batch.ts';
export { type CompiledSchema, type CompileOptions, compileSchema } from './schema/compile-schema.ts';
export { COMPATIBILITIES, type Compatibility } from './schema/declare/compatibility.ts';
export { diffSchemas } from './schema/declare/diff-schemas.ts';
export {
  type DirectoryRegistry,
  directoryRegistry,
  type Published,
  type PublishOptions,
} from './schema/declare/directory-registry.ts';
export { fingerprintOf } from './schema/declare/fingerprint.ts';
export { fromJsonSchema } from './schema/declare/from-json-schema.ts';
export {
  type FieldCounts,
  type InferOptions,
  type InferredSchema,
  inferSchema,
  inferWithCounts,
  SchemaSampler,
} from './schema/declare/infer-schema.ts';
export type { RegisteredSchema, SchemaRegistry } from './schema/declare/registry.ts';
export type { ChangeKind, SchemaChange, SchemaDiff } from './schema/declare/schema-change.ts';
export type { Shape } from './schema/declare/shapes.ts';
export { toJsonSchema } from './schema/declare/to-json-schema.ts';
export { PRECISION_ATTRIBUTE } from './schema/dialect-of.ts';
export { type DetectDriftOptions, type DriftSource, detectDrift } from './schema/drift/detect-drift.ts';
export {
  type DriftEntry,
  type DriftKind,
  type DriftReport,
  type DriftSample,
  emptyDrift,
  type FieldDrift,
  mergeDrift,
} from './schema/drift/drift-report.ts';
export { driftTable } from './schema/drift/drift-words.ts';
export type { ShapeType } from './schema/drift/shape-paths.ts';
export {
  compareShapes,
  type PathChange,
  type PathUse,
  type ShapeCount,
  type ShapeReport,
  type TypeCounts,
} from './schema/drift/shape-report.ts';
export { ShapeTracker, type ShapeTrackerOptions } from './schema/drift/shape-tracker.ts';
export {
  type DriftJudgement,
  type DriftVerdict,
  type Judged,
  judgeDrift,
  type Tolerances,
  tolerancesOf,
} from './schema/drift/tolerance.ts';
export { lossTable } from './schema/loss/loss-table.ts';
export { restore } from './schema/loss/restore.ts';
export { upgrade } from './schema/loss/upgrade.ts';
export type { SchemaLike } from './schema/schema-like.ts';
export type {
  FunctionSinkContext,
  FunctionSinkOptions,
  FunctionSinkResult,
  WriteFunction,
} from './sinks/function-sink.ts';
export type {
  Compression,
  HttpAuth,
  HttpConnectionOptions,
  HttpHeaders,
} from './sinks/http/options.ts';
export type { HttpSinkAnswer, HttpSinkOptions, HttpSinkVerdict } from './sinks/http-sink.ts';
export type {
  InfluxApi,
  InfluxFieldType,
  InfluxPoint,
  InfluxSinkOptions,
} from './sinks/influx-sink.ts';
export { type MemorySink, type MemorySinkOptions, memorySink } from './sinks/memory-sink.ts';
export type {
  Sink,
  SinkInput,
  SinkRecord,
  UpgradeRequest,
  UpgradeResult,
  WriteRequest,
  WriteResult,
} from './sinks/sink.ts';
export type { SqliteSink, SqliteSinkOptions } from './sinks/sqlite-sink.ts';
export { type FsStoreOptions, fsStore } from './stores/fs-store.ts';
export { createPacker, type PackedObject, type Packer, type PackerOptions } from './stores/pack.ts';
export { PARQUET_WRITERS, type ParquetWriterName } from './stores/parquet/object-writers.ts';
export {
  type BodySeal,
  decodeObject,
  type EncodeOptions,
  type OpenBody,
  type WriteObject,
} from './stores/parquet.ts';
export type { S3Credentials, S3Encryption } from './stores/s3-options.ts';
export type { S3Store } from './stores/s3-store.ts';
export type {
  ByteRange,
  GetOptions,
  ListOptions,
  ObjectHead,
  PutOptions,
  Store,
  StoreCallOptions,
  StoredObject,
} from './stores/store.ts';
export { type StoreJournal, type StoreJournalOptions, storeJournal } from './stores/store-journal.ts';
export { logEvents } from './telemetry/log-events.ts';
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from './telemetry/logger.ts';
export { createMetrics, type Metrics } from './telemetry/metrics.ts';
export { type PrimaryOptions, primary } from './tiers/primary.ts';
export { type RawPersistOptions, rawPersist } from './tiers/raw-persist.ts';
export type { PatienceOptions } from './tiers/retry-patiently.ts';
export { type SchemaCoerceOptions, schemaCoerce } from './tiers/schema-coerce.ts';
export { type SchemaRetryOptions, schemaRetry } from './tiers/schema-retry.ts';
export type { Tier, TierContext, Work } from './tiers/tier.ts';
