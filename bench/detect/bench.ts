/**
 * What it costs to find drift in parsed records, beside the JSON.parse of the same lines, in one run.
 *
 * Method: chunks of 1,000 lines are parsed, and every subject looks at the same fresh records in turn; the median time of
 * a chunk over all rounds but the first is compared, so that what preempts us does not count. The quoted ratio is the
 * worst over the data sets. Not measured: decoding of bytes, and the reports at the end, which do not grow with records.
 */
import { type Bench, median, table } from '../report.ts';
import { type TelemetryOptions, telemetryLines } from '../telemetry-records.ts';
import { type Look, SUBJECTS } from './subjects.ts';

const ROUNDS = 4;
const RECORDS = 100_000;
const CHUNK = 1_000;
const DATA: readonly Omit<TelemetryOptions, 'count'>[] = [0, 0.2, 0.5].flatMap((drift) =>
  [true, false].map((isAscii) => ({ drift, isAscii })),
);

interface Measured {
  readonly parseNs: number;
  /** By subject, in their order. */
  readonly lookNs: readonly number[];
}

function timed(work: () => void): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}

/** Median nanoseconds per record. The subjects take turns at being first at the records, which are then in no cache. */
async function measure(lines: readonly string[], rounds: number): Promise<Measured> {
  const looks: readonly Look[] = SUBJECTS.map(({ make }) => make());
  const parseMs: number[] = [];
  const lookMs: number[][] = looks.map(() => []);
  let chunks = 0;
  for (let round = 0; round <= rounds; round += 1) {
    for (let from = 0; from < lines.length; from += CHUNK) {
      const chunk = lines.slice(from, from + CHUNK);
      let records: Record<string, unknown>[] = [];
      const parse = timed(() => {
        records = chunk.map((line) => JSON.parse(line));
      });
      if (round > 0) parseMs.push(parse);
      for (let turn = 0; turn < looks.length; turn += 1) {
        const place = (turn + chunks) % looks.length;
        const look = looks[place];
        if (look === undefined) continue;
        const ms = timed(() => look(records));
        if (round > 0) lookMs[place]?.push(ms);
      }
      chunks += 1;
    }
    await new Promise(setImmediate);
  }
  const perRecord = (ms: readonly number[]): number => (median(ms) * 1e6) / CHUNK;
  return { parseNs: perRecord(parseMs), lookNs: lookMs.map(perRecord) };
}

function nameOf({ drift, isAscii }: Omit<TelemetryOptions, 'count'>): string {
  return `${drift * 100} %${isAscii ? '' : ' utf-8'}`;
}

export const runDetectBench: Bench = async ({ say, rounds = ROUNDS }) => {
  const measured: Measured[] = [];
  for (const data of DATA) {
    measured.push(await measure(telemetryLines({ count: RECORDS, ...data }), rounds));
    process.stderr.write(`\r${measured.length} of ${DATA.length} data sets `);
  }
  process.stderr.write('\r');
  const ratiosOf = (place: number): number[] =>
    measured.map(({ parseNs, lookNs }) => (lookNs[place] ?? Number.NaN) / parseNs);
  say(`${RECORDS.toLocaleString('en')} records of 10 fields; part of JSON.parse by part of drifted records`);
  say('');
  say(
    table(
      ['', ...DATA.map(nameOf)],
      [
        ['JSON.parse, ns', ...measured.map(({ parseNs }) => parseNs.toFixed(0))],
        ...SUBJECTS.map(({ label }, place) => [label, ...ratiosOf(place).map((ratio) => ratio.toFixed(3))]),
      ],
    ),
  );
  const worst = SUBJECTS.map(
    ({ ratio }, place) => [ratio, Number(Math.max(...ratiosOf(place)).toFixed(4))] as const,
  );
  return Object.fromEntries(worst);
};
