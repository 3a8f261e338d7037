/**
 * What the command shows: results on stdout, progress on stderr.
 *
 * T1 on a terminal progress is one line that is drawn again, at most 10 times a second and never wider than the
 * terminal; elsewhere it is one JSON line per second. T2 with `json`, everything is one JSON line per message on
 * stdout. T3 data never moves the cursor: control characters are shown, not sent.
 */
import type { Clock } from '../core/clock.ts';
import { visible } from './printable.ts';
import { createMeter, isAscii, type ProgressState, progressFields, progressLine } from './progress.ts';
import { type TableRow, tableText } from './table.ts';

export type { Cell, TableRow } from './table.ts';

export interface TextOutput {
  write(text: string): unknown;
  /** Width of the terminal; unset elsewhere. */
  readonly columns?: number | undefined;
  /** Whether it is a terminal, which may be styled. @default false */
  readonly isTTY?: boolean | undefined;
}

export interface TerminalOptions {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** Whether stderr is a terminal. */
  readonly isTty: boolean;
  /** One JSON line per message instead of text. */
  readonly json: boolean;
  readonly clock: Pick<Clock, 'now' | 'wallNow'>;
  /** `NO_COLOR`, `TERM`, `LC_ALL` and `LANG` are looked at. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A running count. */
export interface Progress {
  /** Sets how much is done; `details` are shown behind it. Cheap: most calls draw nothing. */
  update(done: number, details?: TableRow): void;
  /** Draws the last state and ends the line; later calls do nothing. */
  finish(done?: number, details?: TableRow): void;
}

export interface ProgressOptions {
  /** With a total there are a bar and a time to go. */
  readonly total?: number;
  /** @default 'rows' */
  readonly unit?: string;
}

/** How good the news of a row is. */
export type Tone = 'good' | 'fair' | 'bad';

const TONES: Readonly<Record<Tone, number>> = { good: 32, fair: 33, bad: 31 };
/** Names of the columns, and the rule below them. */
const TABLE_HEAD_LINES = 2;

export interface Terminal {
  /** Opens a chapter of a demonstration. */
  scene(title: string): void;
  /** Says something to people. */
  note(text: string): void;
  /** Says how it ended, in green or red where there are colours. */
  verdict(isGood: boolean, text: string): void;
  /**
   * Rows as an aligned table; the keys of the first row are its columns. Numbers are set to the right. `tones` colours
   * each row, where there are colours.
   */
  table(rows: readonly TableRow[], title?: string, tones?: readonly Tone[]): void;
  /** One progress runs at a time. */
  progress(label: string, options?: ProgressOptions): Progress;
}

const DRAW_EVERY_MS = 100;
const LINE_EVERY_MS = 1_000;
const CLEAR = '\r\u001b[2K';

/** Creates the terminal of one run of the command. */
export function createTerminal(options: TerminalOptions): Terminal {
  const { stdout, stderr, json, clock } = options;
  const env = options.env ?? process.env;
  const isLive = options.isTty && !json && env['TERM'] !== 'dumb';
  const hasColor = env['TERM'] !== 'dumb' && (env['NO_COLOR'] ?? '') === '';
  const bold = (text: string): string =>
    hasColor && stdout.isTTY === true ? `\u001b[1m${text}\u001b[22m` : text;
  const colored = (code: number, text: string): string =>
    hasColor && stdout.isTTY === true ? `\u001b[${code}m${text}\u001b[39m` : text;
  let live = '';

  function print(type: string, message: object, text: string): void {
    if (json) return writeJson(stdout, type, message);
    // What is printed goes above the line of progress, which is drawn again below it.
    if (live !== '') stderr.write(CLEAR);
    stdout.write(text);
    if (live !== '') stderr.write(live);
  }

  function writeJson(output: TextOutput, type: string, message: object): void {
    output.write(`${JSON.stringify({ type, time: new Date(clock.wallNow()).toISOString(), ...message })}\n`);
  }

  function show(state: ProgressState, details: TableRow): void {
    if (!isLive) return writeJson(json ? stdout : stderr, 'progress', { ...progressFields(state), details });
    const line = progressLine(state, details, (stderr.columns ?? 80) - 1, hasColor, isAscii(env));
    live = CLEAR + line;
    stderr.write(state.isLast ? `${live}\n` : live);
    if (state.isLast) live = '';
  }

  return {
    progress: (label, { total, unit = 'rows' } = {}) =>
      startProgress({ label, total, unit }, isLive ? DRAW_EVERY_MS : LINE_EVERY_MS, clock, show),
    scene: (title) => print('scene', { title }, `\n${bold(`── ${visible(title)} ──`)}\n`),
    note: (text) => print('note', { text }, `${text.split('\n').map(visible).join('\n')}\n`),
    verdict: (isGood, text) =>
      print(
        'verdict',
        { good: isGood, text },
        `${bold(colored(isGood ? 32 : 31, `${isGood ? '✓' : '✗'} ${visible(text)}`))}\n`,
      ),
    table(rows, title, tones) {
      const head = title === undefined ? '' : `${bold(visible(title))}\n`;
      const lines = tableText(rows, stdout.columns).split('\n');
      const toned = lines.map((line, index) => {
        const tone = tones?.[index - TABLE_HEAD_LINES];
        return tone ? colored(TONES[tone], line) : line;
      });
      print('table', { title, rows }, head + toned.join('\n'));
    },
  };
}

/** Shows the first and the last state, and at most one every `everyMs` between them. */
function startProgress(
  about: Pick<ProgressState, 'label' | 'total' | 'unit'>,
  everyMs: number,
  clock: Pick<Clock, 'now'>,
  show: (state: ProgressState, details: TableRow) => void,
): Progress {
  const meter = createMeter(clock.now());
  let shownMs = Number.NEGATIVE_INFINITY;
  let [done, details]: [number, TableRow] = [0, {}];
  let isFinished = false;

  function step(nowDone: number, nowDetails: TableRow, isLast: boolean): void {
    const nowMs = clock.now();
    if (isFinished) return;
    [done, details, isFinished] = [nowDone, nowDetails, isLast];
    if (!isLast && nowMs - shownMs < everyMs) return;
    shownMs = nowMs;
    const ratePerSecond = meter.rate(nowMs, done, isLast);
    show({ ...about, done, isLast, elapsedMs: meter.elapsedMs(nowMs), ratePerSecond }, details);
  }

  return {
    update: (nowDone, nowDetails = details) => step(nowDone, nowDetails, false),
    finish: (nowDone = done, nowDetails = details) => step(nowDone, nowDetails, true),
  };
}
