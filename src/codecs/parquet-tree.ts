/** The schema of a Parquet file as a tree, and the columns of its top level. */
import type { Column, ColumnType } from '../core/columns.ts';
import { distinctNames } from './distinct-names.ts';
import { damaged, unsupported } from './parquet-fault.ts';
import type { SchemaElement } from './parquet-footer.ts';

const DEPTH_MAX = 64;

export interface SchemaNode {
  /** As the file has it, but with a name that no other child of the same parent has. */
  readonly element: SchemaElement;
  readonly children: readonly SchemaNode[];
  /** Definition level at which this node has a value, and at which its list has an element if it repeats. */
  readonly definition: number;
  readonly repetition: number;
  /** Place among the leaves: which column chunk it is. The first one below it, for a group. */
  readonly leaf: number;
  /** Leaves below it, and itself when it is one. */
  readonly leaves: number;
}

interface Level {
  readonly definition: number;
  readonly repetition: number;
  readonly depth: number;
}

function withDistinctNames(siblings: readonly SchemaNode[]): readonly SchemaNode[] {
  const names = distinctNames(siblings.map(({ element }) => element.name));
  return siblings.map((node, at) => ({ ...node, element: { ...node.element, name: names[at] as string } }));
}

class TreeBuilder {
  readonly #elements: readonly SchemaElement[];
  #next = 0;
  #leaves = 0;

  constructor(elements: readonly SchemaElement[]) {
    this.#elements = elements;
  }

  root(): SchemaNode {
    const root = this.#build({ definition: 0, repetition: 0, depth: 0 });
    if (this.#next !== this.#elements.length) throw damaged('its schema has elements outside of the tree');
    return root;
  }

  #build(above: Level): SchemaNode {
    const element = this.#elements[this.#next];
    if (!element) throw damaged('its schema claims more elements than it has');
    if (above.depth > DEPTH_MAX) throw damaged(`its schema is nested deeper than ${DEPTH_MAX}`);
    this.#next += 1;
    const isRoot = above.depth === 0;
    const level = {
      definition: above.definition + (isRoot || element.repetition === 'required' ? 0 : 1),
      repetition: above.repetition + (!isRoot && element.repetition === 'repeated' ? 1 : 0),
      depth: above.depth + 1,
    };
    const leaf = this.#leaves;
    const children: SchemaNode[] = [];
    for (let child = 0; child < element.children; child += 1) children.push(this.#build(level));
    if (children.length === 0 && !isRoot) {
      if (!element.type) throw unsupported(`column ${JSON.stringify(element.name)}, a group without fields,`);
      this.#leaves += 1;
    }
    const { definition, repetition } = level;
    return {
      element,
      children: withDistinctNames(children),
      definition,
      repetition,
      leaf,
      leaves: this.#leaves - leaf,
    };
  }
}

/** @throws InputError PARQUET_DAMAGED when the elements are no tree, PARQUET_UNSUPPORTED for a group without fields */
export function buildTree(elements: readonly SchemaElement[]): SchemaNode {
  return new TreeBuilder(elements).root();
}

/** Whether the column is one value per row. */
export function isFlat({ element, children }: SchemaNode): boolean {
  return children.length === 0 && element.repetition !== 'repeated';
}

function typeOf({ type, meaning }: SchemaElement): ColumnType {
  switch (meaning.kind) {
    case 'text':
    case 'uuid':
    case 'time':
      return 'text';
    case 'json':
    case 'date':
    case 'decimal':
    case 'timestamp':
      return meaning.kind;
    case 'float16':
      return 'float';
    default:
      break;
  }
  if (type === 'BOOLEAN') return 'bool';
  if (type === 'INT32') return 'int';
  if (type === 'INT64') return 'bigint';
  if (type === 'INT96') return 'timestamp';
  return type === 'FLOAT' || type === 'DOUBLE' ? 'float' : 'bytes';
}

/** The column of a node of the top level; what is nested or repeats is JSON text. */
export function columnOf(node: SchemaNode): Column {
  const { element } = node;
  const nullable = element.repetition === 'optional';
  const type = isFlat(node) ? typeOf(element) : 'json';
  if (type !== 'timestamp') return { name: element.name, type, nullable, key: false };
  const unit = element.meaning.kind === 'timestamp' ? element.meaning.unit : 'ns';
  return { name: element.name, type, nullable, key: false, unit };
}
