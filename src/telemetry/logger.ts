/**
 * Logs as JSON, one object per line.
 *
 * L1 one call makes one line, whatever the values hold. L2 a field cannot replace `time`, `level` or `msg`. L3 what
 * looks like a secret, by key or by shape, is not written. L4 a line has a bounded size. L5 logging never throws.
 */
import type { Clock } from '../core/clock.ts';
import { TierfallError } from '../core/errors.ts';
import { isSecretKey, REDACTED, redact } from './redact.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

export interface LoggerOptions {
  /** Less important lines are not written; `silent` writes none. @default 'info' */
  readonly level?: LogLevel;
  /** Takes one line with its line end. */
  readonly write: (line: string) => void;
  readonly clock: Pick<Clock, 'wallNow'>;
  /** Exact texts that must never be written, beside what looks like a secret. */
  readonly secrets?: readonly string[];
}

/** Writes lines; field names become snake_case. */
export interface Logger {
  isEnabled(level: LogLevel): boolean;
  log(level: Exclude<LogLevel, 'silent'>, message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const TEXT_MAX = 2_048;
/** Longer than what is kept, so that a secret at the cut is still recognised. */
const SCAN_MAX = 8_192;
const ENTRIES_MAX = 64;
const DEPTH_MAX = 4;
const OWN_FIELDS = ['time', 'level', 'msg'];

export function createLogger(options: LoggerOptions): Logger {
  const { write, clock, secrets = [] } = options;
  const threshold = LOG_LEVELS.indexOf(options.level ?? 'info');
  const isEnabled = (level: LogLevel): boolean => level !== 'silent' && LOG_LEVELS.indexOf(level) >= threshold;

  function log(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (!isEnabled(level)) return;
    try {
      write(formatLine(timeText(clock.wallNow()), level, message, fields, secrets));
    } catch {
      // A full disk behind stderr, or a getter that throws, is no reason to lose a batch (L5).
    }
  }

  return {
    isEnabled,
    log,
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
  };
}

function timeText(wallMs: number): string {
  const time = new Date(wallMs);
  return Number.isNaN(time.getTime()) ? String(wallMs) : time.toISOString();
}

function formatLine(
  time: string,
  level: LogLevel,
  message: string,
  fields: LogFields,
  secrets: readonly string[],
): string {
  const pairs: [string, unknown][] = [
    ['time', time],
    ['level', level],
    ['msg', plainText(message, secrets)],
  ];
  for (const [key, value] of Object.entries(fields).slice(0, ENTRIES_MAX)) {
    if (value === undefined) continue;
    const name = snakeCase(plainText(key, secrets));
    pairs.push([
      OWN_FIELDS.includes(name) ? `field_${name}` : name,
      plainValue(key, value, secrets, DEPTH_MAX),
    ]);
  }
  const text = pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',');
  return `{${escapeControls(text)}}\n`;
}

function snakeCase(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}

/** Control characters of 8 bits, line separators and text direction marks: JSON leaves them, terminals act on them. */
function escapeControls(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function plainText(text: string, secrets: readonly string[]): string {
  const clean = redact(text.slice(0, SCAN_MAX), secrets);
  if (clean.length <= TEXT_MAX && text.length <= SCAN_MAX) return clean;
  return `${clean.slice(0, TEXT_MAX)}… (${text.length} characters)`;
}

/** A copy that JSON can hold, with secrets taken out; depth and size are bounded, so cycles end too. */
function plainValue(key: string, value: unknown, secrets: readonly string[], depth: number): unknown {
  if (value === null || typeof value === 'boolean') return value;
  if (isSecretKey(key)) return REDACTED;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string') return plainText(value, secrets);
  if (typeof value !== 'object') return plainText(String(value), secrets);
  if (depth === 0) return '…';
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (value instanceof Date) return timeText(value.getTime());
  if (value instanceof Error) return plainError(value, secrets, depth);
  if (Array.isArray(value)) {
    return value.slice(0, ENTRIES_MAX).map((item) => plainValue(key, item, secrets, depth - 1));
  }
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [name, item] of Object.entries(value).slice(0, ENTRIES_MAX)) {
    copy[plainText(name, secrets)] = plainValue(name, item, secrets, depth - 1);
  }
  return copy;
}

function plainError(error: Error, secrets: readonly string[], depth: number): unknown {
  const own = error instanceof TierfallError ? { code: error.code, hint: error.hint } : {};
  const cause = error.cause === undefined ? {} : { cause: error.cause };
  return plainValue('', { name: error.name, message: error.message, ...own, ...cause }, secrets, depth);
}
