/**
 * Columns that are nested or repeat, as JSON text: lists are arrays, structs objects, maps objects in the order of their
 * entries, with each key as often as it is stored.
 *
 * D1 the text is written from the levels, never through objects, so that no name and no double key is lost. D2 all leaves
 * of a column agree on where a record ends, or the file is damaged.
 */
import { cellVector, type Vector } from '../core/vectors.ts';
import type { BadRows, BadValue } from './parquet-bad-rows.ts';
import { jsonTextsOfChunk } from './parquet-cells.ts';
import { damaged, tooLarge } from './parquet-fault.ts';
import type { Chunk } from './parquet-pages.ts';
import type { SchemaNode } from './parquet-tree.ts';

/** Where one leaf stands. */
interface Leaf {
  readonly chunk: Chunk;
  readonly levels: number;
  readonly texts: readonly (string | BadValue)[];
  /** Level at which it has a value. */
  readonly definition: number;
  at: number;
  text: number;
}

function leavesOf(node: SchemaNode, chunks: readonly Chunk[], levels: readonly number[]): Leaf[] {
  if (node.children.length > 0) return node.children.flatMap((child) => leavesOf(child, chunks, levels));
  const chunk = chunks[node.leaf];
  if (!chunk) throw damaged(`column ${JSON.stringify(node.element.name)} is missing`);
  if ((chunk.repetitions?.[0] ?? 0) !== 0) throw damaged('a column starts within a record');
  const texts = jsonTextsOfChunk(chunk, node.element);
  return [{ chunk, levels: levels[node.leaf] ?? 0, texts, definition: node.definition, at: 0, text: 0 }];
}

interface BadPlace {
  readonly chunk: Chunk;
  readonly place: number;
  readonly value: BadValue;
}

class RecordWriter {
  readonly #root: SchemaNode;
  readonly #leaves: readonly Leaf[];
  /** The first value of the record that cannot be read. */
  #bad: BadPlace | undefined;

  constructor(root: SchemaNode, leaves: readonly Leaf[]) {
    this.#root = root;
    this.#leaves = leaves;
  }

  /** The next record, or undefined for null. */
  record(): string | BadPlace | undefined {
    this.#bad = undefined;
    const text = this.#field(this.#root);
    for (const leaf of this.#leaves) {
      if (leaf.at < leaf.levels && this.#repetition(leaf) !== 0)
        throw damaged('the parts of a record do not agree');
    }
    return this.#bad ?? text;
  }

  get isDone(): boolean {
    return this.#leaves.every(({ at, levels }) => at === levels);
  }

  #lead(node: SchemaNode): Leaf {
    return this.#leaves[node.leaf - this.#root.leaf] as Leaf;
  }

  #definition({ chunk, at, levels }: Leaf): number {
    if (at >= levels) throw damaged('a column has fewer records than its row group');
    return chunk.definitions?.[at] ?? 0;
  }

  #repetition({ chunk, at }: Leaf): number {
    return chunk.repetitions?.[at] ?? 0;
  }

  #skip(node: SchemaNode): void {
    const first = node.leaf - this.#root.leaf;
    for (const leaf of this.#leaves.slice(first, first + node.leaves)) leaf.at += 1;
  }

  /** @returns undefined for null */
  #field(node: SchemaNode): string | undefined {
    const { repetition } = node.element;
    const lead = this.#lead(node);
    const isThere = this.#definition(lead) >= node.definition;
    if (repetition === 'repeated')
      return `[${(isThere ? this.#items(node, node) : this.#none(node)).join(',')}]`;
    if (repetition === 'optional' && !isThere) {
      this.#skip(node);
      return undefined;
    }
    return this.#value(node);
  }

  #none(node: SchemaNode): readonly string[] {
    this.#skip(node);
    return [];
  }

  /** The elements of the list that starts here: `element` of every entry of `repeated`, or the entry itself. */
  #items(repeated: SchemaNode, element: SchemaNode): string[] {
    const lead = this.#lead(repeated);
    const items: string[] = [];
    do {
      items.push((element === repeated ? this.#value(element) : this.#field(element)) ?? 'null');
    } while (lead.at < lead.levels && this.#repetition(lead) === repeated.repetition);
    return items;
  }

  #value(node: SchemaNode): string {
    if (node.children.length === 0) return this.#leafValue(this.#lead(node));
    const [child] = node.children;
    if (child?.element.repetition === 'repeated' && node.children.length === 1) {
      if (node.element.group === 'list') return this.#list(node, child);
      if (node.element.group === 'map' && child.children.length === 2) return this.#map(child);
    }
    return `{${node.children.map((field) => `${JSON.stringify(field.element.name)}:${this.#field(field) ?? 'null'}`).join(',')}}`;
  }

  #leafValue(leaf: Leaf): string {
    if (this.#definition(leaf) < leaf.definition && leaf.definition > 0)
      throw damaged('the levels of a value do not agree');
    const text = leaf.texts[leaf.text];
    if (text === undefined) throw damaged('a column has fewer values than its levels say');
    const place = leaf.text;
    leaf.at += 1;
    leaf.text += 1;
    if (typeof text === 'string') return text;
    this.#bad ??= { chunk: leaf.chunk, place, value: text };
    return 'null';
  }

  /** Lists of three levels have an entry round each element; in those of two, which are older, the entry is the element. */
  #list(list: SchemaNode, entry: SchemaNode): string {
    const isBare = this.#definition(this.#lead(entry)) < entry.definition;
    if (isBare) return `[${this.#none(entry).join('')}]`;
    const { name } = entry.element;
    const isElement = entry.children.length !== 1 || name === 'array' || name === `${list.element.name}_tuple`;
    return `[${this.#items(entry, isElement ? entry : (entry.children[0] as SchemaNode)).join(',')}]`;
  }

  #map(entry: SchemaNode): string {
    const [key, value] = entry.children as [SchemaNode, SchemaNode];
    const lead = this.#lead(entry);
    if (this.#definition(lead) < entry.definition) {
      this.#skip(entry);
      return '{}';
    }
    const members: string[] = [];
    do {
      const name = this.#field(key) ?? 'null';
      members.push(`${name.startsWith('"') ? name : JSON.stringify(name)}:${this.#field(value) ?? 'null'}`);
    } while (lead.at < lead.levels && this.#repetition(lead) === entry.repetition);
    return `{${members.join(',')}}`;
  }
}

export interface NestedPlan {
  /** How many levels each chunk has. */
  readonly levels: readonly number[];
  readonly rows: number;
  readonly lengthMax: number;
  readonly bad: BadRows;
}

/**
 * One JSON text per row.
 * @param chunks all chunks of the row group
 * @throws InputError PARQUET_DAMAGED, or PARQUET_TOO_LARGE when the text is longer than `lengthMax`
 */
export function jsonVector(
  node: SchemaNode,
  chunks: readonly Chunk[],
  { levels, rows, lengthMax, bad }: NestedPlan,
): Vector {
  const writer = new RecordWriter(node, leavesOf(node, chunks, levels));
  const cells: (string | null)[] = [];
  let length = 0;
  for (let row = 0; row < rows; row += 1) {
    const text = writer.record() ?? null;
    if (text !== null && typeof text !== 'string') {
      bad.add(row, node.element.name, text.chunk, text.place, text.value);
      cells.push(null);
      continue;
    }
    length += text?.length ?? 0;
    if (length > lengthMax) throw tooLarge('JSON text in a row group', length, lengthMax);
    cells.push(text);
  }
  if (!writer.isDone) throw damaged('a column has more records than its row group');
  return cellVector(cells);
}
