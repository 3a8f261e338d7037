/**
 * `tierfall/testing`: for tests of your own adapters and pipelines. Contract suites say what an adapter of a port
 * must do and run under any test runner; the fakes are deterministic and have controls instead of timers.
 */
export {
  type FailNextOptions,
  type FakeAnswer,
  type FakeRun,
  type FakeTier,
  type FakeTierOptions,
  fakeTier,
} from './fake-tier.ts';
export {
  type Fault,
  type FaultKind,
  type FaultProxy,
  type FaultProxyOptions,
  type FaultShare,
  faultProxy,
} from './fault-proxy.ts';
export { type FailOptions, type FlakySink, type FlakySinkOptions, flakySink } from './flaky-sink.ts';
export { Gate } from './gate.ts';
export { type JournalHost, journalContract, sampleEntry } from './journal-contract.ts';
export { ManualClock, type ManualClockStart } from './manual-clock.ts';
export { type FailingOperation, MemoryFileSystem } from './memory-file-system.ts';
export {
  MemoryStore,
  type MemoryStoreCall,
  type MemoryStoreOptions,
  memoryStore,
} from './memory-store.ts';
export { contractJob, type QueueHarness, queueContract } from './queue-contract.ts';
export { seededRandom } from './seeded-random.ts';
export {
  type ContractCase,
  type SinkContractOptions,
  type SinkHarness,
  sinkContract,
} from './sink-contract.ts';
export { type StoreHost, storeContract } from './store-contract.ts';
export { selectPositions, type WriteRequestParts, writeRequest } from './write-request.ts';
