/**
 * Building an Arrow batch from columns, beside `JSON.stringify` of the same rows and beside Arrow's own builders.
 * Not measured: making the columns, which is the work of the codecs.
 */
import { vectorFromArray } from 'apache-arrow';
import type { Columns } from '../../src/core/columns.ts';
import {
  boolVector,
  cellsOf,
  cellVector,
  numberVector,
  textVector,
  type Vector,
  wideVector,
  wordVector,
} from '../../src/core/vectors.ts';
import { toArrow } from '../../src/schema/arrow-batch.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { type BenchContext, median, table } from '../report.ts';
import { telemetryLines, telemetrySchema } from '../telemetry-records.ts';

const ROWS = 100_000;
const ROUNDS = 7;

interface Telemetry {
  readonly id: number;
  readonly ts: string;
  readonly device: string;
  readonly temp: number;
  readonly hum: number | null;
  readonly count: number;
  readonly big: number;
  readonly ok: boolean;
  readonly status: string;
  readonly meta: object;
}

function wordsOf(texts: readonly string[]): Vector {
  const words = [...new Set(texts)];
  const places = new Map(words.map((word, place) => [word, place]));
  return wordVector(
    Int32Array.from(texts, (text) => places.get(text) ?? 0),
    words,
  );
}

function textsOf(texts: readonly string[]): Vector {
  const offsets = new Int32Array(texts.length + 1);
  texts.forEach((text, index) => {
    offsets[index + 1] = (offsets[index] ?? 0) + Buffer.byteLength(text);
  });
  return textVector(offsets, Buffer.from(texts.join('')));
}

/** The rows as a codec leaves them: typed arrays, words for the names, bytes for the rest. */
function columnsOf(rows: readonly Telemetry[]): Columns {
  const hum = Float64Array.from(rows, (row) => row.hum ?? 0);
  const vectors: readonly Vector[] = [
    numberVector(Int32Array.from(rows, (row) => row.id)),
    wideVector(BigInt64Array.from(rows, (row) => BigInt(Date.parse(row.ts)))),
    wordsOf(rows.map((row) => row.device)),
    numberVector(Float64Array.from(rows, (row) => row.temp)),
    numberVector(
      hum,
      Uint8Array.from(rows, (row) => Number(row.hum !== null)),
    ),
    numberVector(Int32Array.from(rows, (row) => row.count)),
    wideVector(BigInt64Array.from(rows, (row) => BigInt(row.big))),
    boolVector(Uint8Array.from(rows, (row) => Number(row.ok))),
    wordsOf(rows.map((row) => row.status)),
    textsOf(rows.map((row) => JSON.stringify(row.meta))),
  ];
  const { columns } = compileSchema(telemetrySchema());
  return { columns, vectors, rows: rows.map((_, row) => row) };
}

function nsPerRow(run: () => unknown): number {
  const start = process.hrtime.bigint();
  run();
  return Number(process.hrtime.bigint() - start) / ROWS;
}

/** @returns `arrowVsStringify`: to the types of a schema; `arrowAsIsVsStringify`: words stay a dictionary */
export async function measureArrowBuild({
  say,
  rounds = ROUNDS,
}: BenchContext): Promise<Record<string, number>> {
  const lines = telemetryLines({ count: ROWS, drift: 0, isAscii: true });
  const rows = lines.map((line) => JSON.parse(line) as Telemetry);
  const columns = columnsOf(rows);
  const cells = columns.vectors.map(cellsOf);
  const schema = telemetrySchema();
  const subjects: Readonly<Record<string, () => unknown>> = {
    'JSON.stringify of each row': () => rows.map((row) => JSON.stringify(row)),
    'toArrow, types of a schema': () => toArrow(columns, schema),
    'toArrow, as the columns are': () => toArrow(columns),
    'the same from plain cells': () => toArrow({ ...columns, vectors: cells.map(cellVector) }, schema),
    'vectorFromArray per column': () =>
      schema.fields.map((field, at) => vectorFromArray(cells[at] ?? [], field.type)),
  };
  const times = new Map(Object.keys(subjects).map((name) => [name, [] as number[]]));
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, run] of Object.entries(subjects)) {
      const ns = nsPerRow(run);
      if (round >= 0) times.get(name)?.push(ns);
    }
  }
  const [base = [], typed = [], asIs = []] = [...times.values()];
  const ratio = (of: readonly number[]): number =>
    Number(median(of.map((ns, round) => ns / (base[round] ?? Number.NaN))).toFixed(4));
  say(
    table(
      [`Arrow from columns, ${ROWS} rows`, 'ns/row', 'x stringify'],
      [...times].map(([name, of]) => [name, median(of).toFixed(1), ratio(of).toFixed(3)]),
    ),
  );
  return { arrowVsStringify: ratio(typed), arrowAsIsVsStringify: ratio(asIs) };
}
