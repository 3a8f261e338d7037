/**
 * How far the healing of one object is, as documents next to it:
 *
 *     heal/chain=…/<stem>.healed-<sha256 of the document, first 32 hex>.json
 *
 * H1 a document is written once and never changed; all of them together say what is decided. H2 the same knowledge gives
 * the same document, so writing it again changes nothing. H3 one that does not match its name is passed over: its rows
 * are then looked at again, which changes nothing in the sink.
 */
import { sha256 } from '../../core/keys.ts';
import type { Store } from '../../stores/store.ts';
import { stemOf } from '../job.ts';

/** `superseded`: the sink holds a newer version; `gone`: the sink has let go of the record in its own time. */
export const HEAL_OUTCOMES = ['healed', 'superseded', 'gone'] as const;
export type HealOutcome = (typeof HEAL_OUTCOMES)[number];

export type HealCounts = Readonly<Record<HealOutcome, number>>;

/** A schema that every open row was looked at under, and why they stay open. */
export interface Judgement {
  readonly schema: string;
  /** Rows by reason; reasons of the schema alone. */
  readonly pending: Readonly<Record<string, number>>;
}

/** From and to, both among them. */
type Span = readonly [from: number, to: number];

interface HealDocument {
  readonly version: 1;
  readonly ref: string;
  readonly rows: number;
  /** Of each entry by its seq, the rows of its body that are decided. */
  readonly entries: readonly (readonly [seq: number, spans: Readonly<Record<HealOutcome, readonly Span[]>>])[];
  readonly judged?: Judgement;
}

const DIGITS = 32;
const NAME = /^(.*)\.healed-([0-9a-f]{32})\.json$/;

/** The object a document belongs to; undefined when the key is none's. */
export function healedRef(key: string): string | undefined {
  const stem = NAME.exec(key)?.[1];
  return stem === undefined ? undefined : `${stem}.parquet`;
}

export class HealProgress {
  readonly ref: string;
  readonly #outcomes = new Map<number, Map<number, HealOutcome>>();
  readonly #counts = { healed: 0, superseded: 0, gone: 0 };
  readonly #judgements = new Map<string, Judgement>();
  #rows: number | undefined;
  #documents = 0;

  constructor(ref: string) {
    this.ref = ref;
  }

  get counts(): HealCounts {
    return this.#counts;
  }

  get decided(): number {
    return HEAL_OUTCOMES.reduce((sum, outcome) => sum + this.#counts[outcome], 0);
  }

  /** Rows of the object; undefined when nobody has looked at it yet. */
  get rows(): number | undefined {
    return this.#rows;
  }

  get documents(): number {
    return this.#documents;
  }

  /** What is decided of an entry, by row of its body. */
  outcomesOf(seq: number): ReadonlyMap<number, HealOutcome> {
    return this.#outcomes.get(seq) ?? new Map();
  }

  /** What was found when all open rows were looked at under this schema; undefined when they were not. */
  judgedUnder(schema: string): Judgement | undefined {
    return this.#judgements.get(schema);
  }

  mark(seq: number, rows: Iterable<number>, outcome: HealOutcome): void {
    const outcomes = this.#outcomes.get(seq) ?? new Map<number, HealOutcome>();
    this.#outcomes.set(seq, outcomes);
    for (const row of rows) {
      if (outcomes.has(row)) continue;
      outcomes.set(row, outcome);
      this.#counts[outcome] += 1;
    }
  }

  /** Makes what is known durable. @throws StorageError */
  async write(store: Pick<Store, 'put'>, rows: number, judged: Judgement | undefined): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(this.#document(rows, judged))}\n`);
    const key = `${stemOf(this.ref)}.healed-${sha256(bytes).slice(0, DIGITS)}.json`;
    await store.put(key, [bytes]);
  }

  /** Adds what a document says. @returns false when it says nothing that can be believed (H3) */
  read(key: string, bytes: Uint8Array): boolean {
    const document = parse(key, bytes, this.ref);
    if (!document) return false;
    for (const [seq, spans] of document.entries) {
      for (const outcome of HEAL_OUTCOMES) this.mark(seq, rowsIn(spans[outcome]), outcome);
    }
    this.#rows = document.rows;
    this.#documents += 1;
    if (document.judged) this.#judgements.set(document.judged.schema, document.judged);
    return true;
  }

  #document(rows: number, judged: Judgement | undefined): HealDocument {
    const entries = [...this.#outcomes]
      .filter(([, outcomes]) => outcomes.size > 0)
      .sort(([a], [b]) => a - b)
      .map(([seq, outcomes]) => [seq, spansOf(outcomes)] as const);
    return { version: 1, ref: this.ref, rows, entries, ...(judged ? { judged: inOrder(judged) } : {}) };
  }
}

/** Reads all documents of an object. @throws StorageError */
export async function readProgress(
  store: Pick<Store, 'get'>,
  ref: string,
  keys: readonly string[],
): Promise<HealProgress> {
  const progress = new HealProgress(ref);
  for (const key of keys) progress.read(key, await store.get(key));
  return progress;
}

function inOrder({ schema, pending }: Judgement): Judgement {
  return { schema, pending: Object.fromEntries(Object.entries(pending).sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function spansOf(outcomes: ReadonlyMap<number, HealOutcome>): Readonly<Record<HealOutcome, readonly Span[]>> {
  const spans: Record<HealOutcome, [number, number][]> = { healed: [], superseded: [], gone: [] };
  for (const [row, outcome] of [...outcomes].sort(([a], [b]) => a - b)) {
    const last = spans[outcome].at(-1);
    if (last?.[1] === row - 1) last[1] = row;
    else spans[outcome].push([row, row]);
  }
  return spans;
}

function* rowsIn(spans: readonly Span[]): Generator<number> {
  for (const [from, to] of spans) for (let row = from; row <= to; row += 1) yield row;
}

/** Its digest is its name, so what matches is what this file wrote. */
function parse(key: string, bytes: Uint8Array, ref: string): HealDocument | undefined {
  if (NAME.exec(key)?.[2] !== sha256(bytes).slice(0, DIGITS)) return undefined;
  try {
    const document = JSON.parse(Buffer.from(bytes).toString()) as HealDocument;
    return document.version === 1 && document.ref === ref ? document : undefined;
  } catch {
    return undefined;
  }
}
