import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StorageError } from '../../src/core/errors.ts';
import { EventBus, type Events } from '../../src/core/events.ts';
import { logEvents } from '../../src/telemetry/log-events.ts';
import { createLogger, type Logger, type LogLevel } from '../../src/telemetry/logger.ts';
import { cpuStopwatch } from '../support/cpu-time.ts';

const clock = { wallNow: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) };

function capture(
  level: LogLevel = 'debug',
  secrets: readonly string[] = [],
): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  return { lines, logger: createLogger({ level, clock, secrets, write: (line) => lines.push(line) }) };
}

/** The only line written, as an object. */
function only(lines: readonly string[]): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}

describe('logger', () => {
  it('writes time, level and message first, then the fields in snake_case', () => {
    const { logger, lines } = capture();
    logger.info('moved', { chain: 'orders', batchId: 'ab', attempts: 2, bytes: 12n, skipped: undefined });
    expect(lines).toEqual([
      '{"time":"2026-01-02T03:04:05.678Z","level":"info","msg":"moved","chain":"orders","batch_id":"ab","attempts":2,"bytes":"12"}\n',
    ]);
  });

  it('makes exactly one line of printable characters from any value (L1)', () => {
    const hostile = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(hostile, fc.dictionary(hostile, fc.anything()), (message, fields) => {
        const { logger, lines } = capture();
        logger.error(message, fields);
        expect(lines).toHaveLength(1);
        const line = lines[0] ?? '';
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
        expect(line.endsWith('}\n')).toBe(true);
        JSON.parse(line);
      }),
    );
  });

  it('does not let a field replace time, level or message (L2)', () => {
    const { logger, lines } = capture();
    logger.info('true', { time: 'never', level: 'error', msg: 'forged' });
    expect(only(lines)).toMatchObject({ level: 'info', msg: 'true', field_time: 'never', field_msg: 'forged' });
  });

  it.each([
    ['a key', { password: 'canary-1' }],
    ['a nested key', { options: { auth: [{ accessKeyId: 'canary-1' }] } }],
    ['a header', { headers: { Authorization: 'Bearer canary-1' } }],
    ['a bearer token in words', { detail: 'sent Authorization: Bearer canary-1 and got 401' }],
    ['a URL', { detail: 'connect postgres://app:canary-1@db:5432/x failed' }],
    ['a URL whose password holds "@" and "/"', { detail: 'redis://:p@ss/canary-1@host:6379' }],
    ['a URL with only a user', { url: 'https://canary-1@example.test/' }],
    ['a query', { url: 'https://s3.test/x?X-Amz-Signature=canary-1&x=1' }],
    ['JSON in a text', { body: '{"api_key": "canary-1", "n": 1}' }],
    ['escaped JSON in a text', { body: '{\\"token\\":\\"canary-1\\"}' }],
    ['JSON with a quote inside the secret', { body: '{"secret":"a\\"canary-1"}' }],
    ['an assignment', { detail: "client_secret='canary-1 and more'" }],
    ['a private key', { pem: '-----BEGIN RSA PRIVATE KEY-----\ncanary-1\n-----END RSA PRIVATE KEY-----' }],
    ['an error', { error: new StorageError('STORAGE_X', 'token=canary-1', { hint: 'password: canary-1' }) }],
    ['the cause of an error', { error: new Error('x', { cause: new Error('secret: canary-1') }) }],
    ['a key of a field', { 'token=canary-1': 1 }],
  ])('never writes a secret from %s (L3)', (_, fields) => {
    const { logger, lines } = capture();
    logger.error('failed', fields);
    logger.error(JSON.stringify(fields));
    expect(lines.join('')).toContain('redacted');
    expect(lines.join('')).not.toContain('canary-1');
  });

  it('never writes a secret it was told of, whatever it looks like (L3)', () => {
    const { logger, lines } = capture('info', ['plain-words']);
    logger.info('uses plain-words', { detail: ['a plain-words b'] });
    expect(lines.join('')).not.toContain('plain-words');
  });

  it('leaves ordinary fields as they are', () => {
    const { logger, lines } = capture();
    const fields = {
      tier: 'primary',
      key: 'abc',
      ref: 'chain=x/date=2026-01-02/aa.parquet',
      detail: 'http://127.0.0.1:80/a?b=c',
    };
    logger.info('ok', fields);
    expect(only(lines)).toMatchObject(fields);
  });

  it('bounds the size of a line, however large or deep a value is (L4)', () => {
    const { logger, lines } = capture();
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    logger.info('x'.repeat(1e6), {
      text: 'y'.repeat(1e6),
      list: Array.from({ length: 1e5 }, (_, i) => i),
      cycle,
    });
    expect(lines[0]?.length).toBeLessThan(8_000);
    expect(only(lines)['msg']).toContain('(1000000 characters)');
  });

  it('takes time by its length for a hostile text', () => {
    const { logger, lines } = capture();
    for (const part of [
      '://',
      'a://b:',
      'password',
      'eyJaaaaaaaaa.',
      'token=\\"',
      '-----BEGIN PRIVATE KEY-----',
    ]) {
      const cpuMs = cpuStopwatch();
      logger.info(part.repeat(20_000));
      expect(cpuMs()).toBeLessThan(1000);
    }
    expect(lines).toHaveLength(6);
  });

  it('never throws, neither for a writer nor for a getter that does (L5)', () => {
    const logger = createLogger({
      clock,
      write: () => {
        throw new Error('EPIPE');
      },
    });
    expect(() => logger.error('x')).not.toThrow();
    const trap = Object.defineProperty({}, 'boom', { enumerable: true, get: () => JSON.parse('{') as unknown });
    expect(() => capture().logger.info('x', { trap })).not.toThrow();
  });

  it('writes nothing below its level', () => {
    const { logger, lines } = capture('warn');
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    expect(lines).toHaveLength(1);
    const silent = capture('silent');
    silent.logger.error('d');
    expect(silent.lines).toEqual([]);
  });
});

const loss = {
  entries: [
    {
      field: 'Title',
      kind: 'text-from-number',
      lossless: true,
      count: 3,
      samples: [{ row: 1, before: '300', after: 'PRIVATE' }],
    },
  ],
  cells: 3,
  cellsTotal: 90,
};
const base = { chain: 'c', batchId: 'b', tier: 'primary' };
const EVENTS: { readonly [N in keyof Events]: readonly [string, Events[N]] } = {
  tierTransitioned: [
    'info',
    {
      chain: 'c',
      batchId: 'b',
      from: 'primary',
      to: 'raw-persist',
      reason: 'unavailable',
      rows: 3,
      attempts: 2,
      detail: 'ECONNREFUSED',
    },
  ],
  batchDegraded: ['info', { ...base, rows: 1, loss }],
  batchDeferred: ['info', { ...base, rows: 1, refs: ['r'] }],
  batchRejected: ['error', { chain: 'c', batchId: 'b', rows: 1, reasons: ['refused'] }],
  circuitOpened: ['warn', { chain: 'c', tier: 'primary', reason: 'unavailable', retryInMs: 5 }],
  circuitHalfOpened: ['info', { chain: 'c', tier: 'primary' }],
  circuitClosed: ['info', { chain: 'c', tier: 'primary' }],
  callRetried: ['debug', { ...base, attempts: 1, reason: 'throttled', delayMs: 9 }],
  objectStored: ['debug', { chain: 'c', ref: 'r', rows: 1, bytes: 2 }],
  storageFailed: ['error', { chain: 'c', operation: 'append', code: 'STORAGE_ENOSPC', message: 'no space' }],
  journalDamaged: ['error', { chain: 'c', file: 'f', offset: 0, bytes: 9 }],
  objectsExpired: ['info', { chain: 'c', objects: 1, rows: 2 }],
  journalPressed: ['warn', { chain: 'c', level: 'no-low', fill: 0.81 }],
  jobAnnounced: ['debug', { chain: 'c', job: 'j', ref: 'r', rows: 1 }],
  jobSettled: [
    'info',
    { chain: 'c', job: 'j', ref: 'r', delivered: 1, degraded: 0, quarantined: 0, alreadyHeld: 0 },
  ],
  jobPostponed: ['info', { chain: 'c', job: 'j', ref: 'r', reason: 'unavailable', delayMs: 5, attempts: 1 }],
  rowsHealed: ['info', { chain: 'c', ref: 'r', healed: 2, superseded: 0, gone: 0, pending: 1, settled: false }],
  replayPaused: ['warn', { chain: 'c', reason: 'unavailable', delayMs: 700 }],
  replayResumed: ['info', { chain: 'c', pausedMs: 900 }],
  rowsQuarantined: ['warn', { chain: 'c', ref: 'r', reason: 'refused', rows: 1 }],
};

describe('log of events', () => {
  it.each(Object.entries(EVENTS))('writes one line for %s, at its level', (name, [level, event]) => {
    const { logger, lines } = capture();
    const bus = new EventBus();
    logEvents(bus, logger);
    bus.emit(name as keyof Events, event as never);
    expect(only(lines)).toMatchObject({ level, event: name, chain: 'c' });
  });

  it('carries tier, batch, attempts and reason of a transition', () => {
    const { logger, lines } = capture();
    const bus = new EventBus();
    logEvents(bus, logger);
    bus.emit('tierTransitioned', EVENTS.tierTransitioned[1]);
    expect(only(lines)).toMatchObject({
      tier: 'primary',
      to: 'raw-persist',
      batch_id: 'b',
      attempts: 2,
      reason: 'unavailable',
      rows: 3,
    });
  });

  it('tells the loss by field and kind without showing data', () => {
    const { logger, lines } = capture();
    const bus = new EventBus();
    logEvents(bus, logger);
    bus.emit('batchDegraded', EVENTS.batchDegraded[1]);
    expect(only(lines)).toMatchObject({
      loss_cells: 3,
      cells_total: 90,
      changes: ['Title: text-from-number 3x'],
    });
    expect(lines.join('')).not.toContain('PRIVATE');
  });

  it('does not listen to events below the level, so that nobody builds them', () => {
    const bus = new EventBus();
    const stop = logEvents(bus, capture('info').logger);
    expect([bus.has('callRetried'), bus.has('tierTransitioned')]).toEqual([false, true]);
    stop();
    stop();
    expect(bus.has('tierTransitioned')).toBe(false);
  });
});
