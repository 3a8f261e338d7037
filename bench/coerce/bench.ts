/**
 * From bytes to columns and to objects, beside JSON.parse of the same lines (P) and beside validators that coerce.
 *
 * Method: every pair of body and subject runs in a fresh process, in rounds of P and the subject; a ratio is taken within
 * its round, and the median over rounds is quoted. Not measured: what a sink does with the columns, and bodies that are
 * not in memory.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BenchContext, median, table } from '../report.ts';
import type { Round } from './child.ts';
import { DATA, type DataName } from './data.ts';
import { SUBJECTS, type SubjectName } from './subjects.ts';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
const ROUNDS = 9;
/** Of a body that takes a second. */
const ROUNDS_OF_MILLION = 3;
/** A subject that costs no more than P has no add-on to divide by: it counts as so much of P. */
const ADD_ON_MIN = 0.05;

const PAIRS: Readonly<Record<DataName, readonly SubjectName[]>> = {
  clean: Object.keys(SUBJECTS) as SubjectName[],
  notAscii: ['strict', 'lenient objects'],
  drift20: Object.keys(SUBJECTS) as SubjectName[],
  drift50: ['strict', 'lenient', 'lenient objects'],
  million: ['strict', 'lenient objects'],
  flights: ['strict', 'lenient', 'lenient objects'],
};

interface Measured {
  /** Median of the ratios to P, with the lowest and the highest. */
  readonly ratio: number;
  readonly spread: readonly [number, number];
  readonly nanos: number;
  readonly blockMs: number;
}

async function measure(data: DataName, subject: SubjectName, rounds: number): Promise<Measured> {
  const args = [CHILD, data, subject, String(data === 'million' ? ROUNDS_OF_MILLION : rounds)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const measured = JSON.parse(stdout) as readonly Round[];
  const ratios = measured.map(({ parseMs, subjectMs }) => subjectMs / parseMs);
  return {
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    nanos: (median(measured.map(({ subjectMs }) => subjectMs)) * 1e6) / DATA[data].records,
    blockMs: median(measured.map(({ blockMs }) => blockMs)),
  };
}

export async function runCoerceBench({ say, rounds = ROUNDS }: BenchContext): Promise<Record<string, number>> {
  const results = new Map<string, Measured>();
  const rows: string[][] = [];
  for (const data of Object.keys(PAIRS) as DataName[]) {
    for (const subject of PAIRS[data]) {
      const measured = await measure(data, subject, rounds);
      results.set(`${data} ${subject}`, measured);
      const [low, high] = measured.spread;
      rows.push([
        `${DATA[data].label}: ${subject}`,
        measured.nanos.toFixed(0),
        measured.ratio.toFixed(2),
        `${low.toFixed(2)}..${high.toFixed(2)}`,
      ]);
    }
  }
  say(table(['data: subject', 'ns/record', '× P', 'spread'], rows));
  const of = (data: DataName, subject: SubjectName): Measured => {
    const measured = results.get(`${data} ${subject}`);
    if (!measured) throw new Error(`${data} was not measured with ${subject}`);
    return measured;
  };
  const addOn = (subject: SubjectName): number => of('drift20', subject).ratio - 1;
  const own = Math.max(addOn('lenient objects'), ADD_ON_MIN);
  return {
    strictVsParse: of('clean', 'strict').ratio,
    strictNotAsciiVsParse: of('notAscii', 'strict').ratio,
    strict1MVsParse: of('million', 'strict').ratio,
    closuresVsParse: of('clean', 'strict, no generated code').ratio,
    drift20VsParse: of('drift20', 'lenient').ratio,
    drift50VsParse: of('drift50', 'lenient').ratio,
    lenientObjectsVsParse: of('drift20', 'lenient objects').ratio,
    addOnVsAjv: addOn('ajv') / own,
    addOnVsZod: addOn('zod') / own,
    flightsVsParse: of('flights', 'strict').ratio,
    longestBlockMs: of('drift20', 'lenient objects').blockMs,
  };
}
