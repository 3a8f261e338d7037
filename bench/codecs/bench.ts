/**
 * Line protocol and CSV beside `JSON.parse` and papaparse, and the framing of each format, in one run.
 *
 * Method: all subjects of a round run one after the other in one process, rounds follow each other; ratios are taken within a
 * round and their median is quoted. Each subject runs twice in a row, the second time is taken. The clock is CPU time of the thread, so neighbours that preempt us do not count.
 * P is what NDJSON costs: find the line, decode it, `JSON.parse`. Bytes go in and columns or records come out on both sides.
 * Points go through the strict check of their schema into columns. Not measured: coercion, I/O, garbage collection of what
 * a pipeline would keep.
 */
import Papa from 'papaparse';
import type { Codec } from '../../src/codecs/codec.ts';
import { decodeRecord, framer } from '../../src/codecs/codecs.ts';
import { csv as csvCodec } from '../../src/codecs/csv.ts';
import { csvTokenizer } from '../../src/codecs/csv-tokenizer.ts';
import type { LayoutTokenizer } from '../../src/codecs/layout.ts';
import { lineProtocol } from '../../src/codecs/line-protocol.ts';
import { lineProtocolTokenizer } from '../../src/codecs/line-protocol-tokenizer.ts';
import { Tokens } from '../../src/codecs/tokens.ts';
import { Batch, type Format } from '../../src/core/batch.ts';
import { compileSchema } from '../../src/schema/compile-schema.ts';
import { type Bench, median, table } from '../report.ts';
import { telemetryBody } from '../telemetry-records.ts';
import { measureArrowBuild } from './arrow-build.ts';
import { csvOf, pointSchema, pointsOf } from './subjects.ts';

const ROUNDS = 7;
const COUNT = 100_000;
const WARM_UPS = 1;

interface Subject {
  readonly label: string;
  readonly bytes: number;
  run(): Promise<number> | number;
}

function batchOf(body: Uint8Array, format: Format): Batch {
  return new Batch({ body, format }, 'bench', framer, 0);
}

/** Offsets of all rows: starts at even places, ends at odd ones. */
function offsetsOf(codec: Codec, body: Uint8Array, rows: number): Int32Array {
  const offsets = new Int32Array(rows * 2);
  let place = 0;
  codec.scan(body, (start, end) => {
    offsets[place] = start;
    offsets[place + 1] = end;
    place += 2;
  });
  return offsets;
}

const POINTS = compileSchema(pointSchema(), { tolerance: 1 });

function toColumns(body: Uint8Array): number {
  const { columns } = POINTS.check(batchOf(body, 'line-protocol'), 'all');
  if (columns.rows.length !== COUNT) throw new Error(`only ${columns.rows.length} points conform`);
  return columns.rows.length;
}

function toTokens(codec: Codec, body: Uint8Array, tokenizer: LayoutTokenizer): number {
  const offsets = offsetsOf(codec, body, COUNT);
  const tokens = new Tokens();
  let cells = 0;
  for (let row = 0; row < COUNT; row += 1) {
    tokenizer.tokenize(offsets[row * 2] as number, offsets[row * 2 + 1] as number, tokens);
    cells += tokens.count;
  }
  return cells;
}

function toRecords(body: Uint8Array, format: Format): number {
  const batch = batchOf(body, format);
  const { rowCount } = batch.frame;
  let cells = 0;
  for (let row = 0; row < rowCount; row += 1) cells += Object.keys(decodeRecord(batch, row)).length;
  return cells;
}

/** P. */
function parseLines(json: Buffer): number {
  let last = 0;
  let start = 0;
  for (let end = json.indexOf(10); end >= 0; end = json.indexOf(10, start)) {
    last = (JSON.parse(json.toString('utf8', start, end)) as { temp: number }).temp;
    start = end + 1;
  }
  return last;
}

function withPapa(body: Buffer): number {
  const { data } = Papa.parse<Record<string, string>>(body.toString('utf8'), {
    header: true,
    skipEmptyLines: true,
  });
  let cells = 0;
  for (const record of data) cells += Object.keys(record).length;
  return cells;
}

function subjects(): Readonly<Record<string, Subject>> {
  const list: Record<string, Subject> = {};
  for (const isAscii of [true, false]) {
    const kind = isAscii ? '' : 'Unicode';
    const words = isAscii ? 'ASCII' : 'not ASCII';
    const { body, json } = pointsOf(COUNT, isAscii);
    const lines = json.toString('utf8').trimEnd().split('\n');
    const csv = csvOf({ count: COUNT, isAscii });
    const ndjson = telemetryBody({ count: COUNT, drift: 0, isAscii });
    Object.assign(list, {
      [`parse${kind}`]: {
        label: `NDJSON to objects (P), ${words}`,
        bytes: json.length,
        run: () => parseLines(json),
      },
      [`bareParse${kind}`]: {
        label: `JSON.parse of strings, ${words}`,
        bytes: json.length,
        run: () => lines.reduce((sum, line) => sum + (JSON.parse(line) as { temp: number }).temp, 0),
      },
      [`points${kind}`]: {
        label: `line protocol to columns, ${words}`,
        bytes: body.length,
        run: () => toColumns(body),
      },
      [`pointTokens${kind}`]: {
        label: `line protocol to tokens, ${words}`,
        bytes: body.length,
        run: () => toTokens(lineProtocol, body, lineProtocolTokenizer(body)),
      },
      [`pointRecords${kind}`]: {
        label: `line protocol to records, ${words}`,
        bytes: body.length,
        run: () => toRecords(body, 'line-protocol'),
      },
      [`frame${kind}`]: {
        label: `line protocol framing, ${words}`,
        bytes: body.length,
        run: () => framer.count(body, 'line-protocol'),
      },
      [`papa${kind}`]: { label: `papaparse, header, ${words}`, bytes: csv.length, run: () => withPapa(csv) },
      [`csv${kind}`]: {
        label: `CSV to records, ${words}`,
        bytes: csv.length,
        run: () => toRecords(csv, 'csv'),
      },
      [`csvTokens${kind}`]: {
        label: `CSV to tokens, ${words}`,
        bytes: csv.length,
        run: () => toTokens(csvCodec, csv, csvTokenizer(csv)),
      },
      [`csvFrame${kind}`]: {
        label: `CSV framing, ${words}`,
        bytes: csv.length,
        run: () => framer.count(csv, 'csv'),
      },
      [`ndjsonFrame${kind}`]: {
        label: `NDJSON framing, ${words}`,
        bytes: ndjson.length,
        run: () => framer.count(ndjson, 'ndjson'),
      },
    } satisfies Record<string, Subject>);
  }
  return list;
}

/** Nanoseconds of CPU per row. */
async function measure(subject: Subject): Promise<number> {
  // Code that was not run for some collections of garbage is dropped and has to be compiled again.
  await subject.run();
  const before = process.threadCpuUsage();
  await subject.run();
  const { user, system } = process.threadCpuUsage(before);
  return ((user + system) * 1000) / COUNT;
}

export const runCodecsBench: Bench = async ({ say, rounds = ROUNDS }) => {
  const all = subjects();
  const names = Object.keys(all);
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = -WARM_UPS; round < rounds; round += 1) {
    for (const name of names) {
      const ns = await measure(all[name] as Subject);
      if (round >= 0) times.get(name)?.push(ns);
    }
    process.stderr.write(`\rround ${Math.max(0, round + 1)}/${rounds} `);
  }
  process.stderr.write('\r');
  const of = (name: string): readonly number[] => times.get(name) ?? [];
  say(
    table(
      [`per row of ${COUNT}`, 'ns', 'MB/s'],
      names.map((name) => {
        const subject = all[name] as Subject;
        const ns = median(of(name));
        return [subject.label, ns.toFixed(0), ((subject.bytes / COUNT / ns) * 1000).toFixed(0)];
      }),
    ),
  );
  const ratio = (name: string, base: string): readonly number[] =>
    of(name).map((ns, round) => ns / (of(base)[round] ?? Number.NaN));
  const ratios = {
    lineProtocolVsParse: ratio('points', 'parse'),
    lineProtocolVsParseUnicode: ratio('pointsUnicode', 'parseUnicode'),
    lineProtocolVsBareParse: ratio('points', 'bareParse'),
    csvVsPapaparse: ratio('papa', 'csv'),
    csvVsPapaparseUnicode: ratio('papaUnicode', 'csvUnicode'),
  };
  say('');
  for (const [name, values] of Object.entries(ratios)) {
    const range = `${Math.min(...values).toFixed(3)} .. ${Math.max(...values).toFixed(3)}`;
    say(`${name.padEnd(28)} ${median(values).toFixed(3)}  (${range}, ${rounds} rounds)`);
  }
  const quoted = Object.entries(ratios).map(
    ([name, values]) => [name, Number(median(values).toFixed(4))] as const,
  );
  return { ...Object.fromEntries(quoted), ...(await measureArrowBuild({ say, rounds })) };
};
