/** Paths and what was found at them, interned: a shape is a set of small numbers. */

/** What a value is, by its number: the first are scalars, the last two hold others. */
export const SHAPE_TYPES = [
  'null',
  'boolean',
  'number',
  'string',
  'bigint',
  'bytes',
  'other',
  'deeper',
  'object',
  'array',
] as const;
/** `deeper` is an object or array at the depth limit, whose inside was not looked at. */
export type ShapeType = (typeof SHAPE_TYPES)[number];

export const NULL_TYPE = 0;
export const BOOLEAN_TYPE = 1;
export const NUMBER_TYPE = 2;
export const STRING_TYPE = 3;
export const BIGINT_TYPE = 4;
export const BYTES_TYPE = 5;
export const OTHER_TYPE = 6;
export const DEEPER_TYPE = 7;
export const OBJECT_TYPE = 8;
export const ARRAY_TYPE = 9;
/** Pair = path * 16 + type. */
const TYPE_BITS = 4;

/** The record itself. */
export const ROOT_PATH = '$';
const PLAIN_NAME = /^[\p{L}\p{N}_ /:@#%+*-]+$/u;
const PATH_CHARS_MAX = 1_024;

/** `meta.rssi`; a name that could be taken for something else is quoted as in JSON. */
function childText(parent: string, name: string): string {
  const step = PLAIN_NAME.test(name) ? name : JSON.stringify(name);
  return parent === ROOT_PATH ? step : `${parent}.${step}`;
}

export interface PathLimits {
  /** Different paths over all shapes. */
  readonly pathsMax: number;
  /** Characters of all paths together. */
  readonly charsMax: number;
}

interface PathNode {
  readonly name: string;
  readonly text: string;
  readonly parent: number;
  readonly children: Map<string, number>;
  /** The path of the elements of an array; -1 when there is none yet. */
  elements: number;
}

export class ShapePaths {
  readonly #limits: PathLimits;
  readonly #nodes: PathNode[] = [
    { name: ROOT_PATH, text: ROOT_PATH, parent: -1, children: new Map(), elements: -1 },
  ];
  #chars = 0;

  constructor(limits: PathLimits) {
    this.#limits = limits;
  }

  /** The member `name` of the object at `parent`; -1 when a limit does not allow another path. */
  child(parent: number, name: string): number {
    const node = this.#node(parent);
    const known = node.children.get(name);
    if (known !== undefined) return known;
    if (node.text.length + name.length > PATH_CHARS_MAX) return -1;
    const path = this.#open(parent, name, childText(node.text, name));
    if (path >= 0) node.children.set(name, path);
    return path;
  }

  /** The elements of the array at `parent`; -1 when a limit does not allow another path. */
  elements(parent: number): number {
    const node = this.#node(parent);
    if (node.elements < 0) node.elements = this.#open(parent, '[]', `${node.text}[]`);
    return node.elements;
  }

  /** The last step as it is in the data. */
  name(path: number): string {
    return this.#node(path).name;
  }

  text(path: number): string {
    return this.#node(path).text;
  }

  /** The path that this one is in; -1 for the record. */
  parent(path: number): number {
    return this.#node(path).parent;
  }

  /** The pair of the object or array that has `path` directly in it; that of the record itself for the record. */
  containerPair(path: number): number {
    const { parent } = this.#node(path);
    if (parent < 0) return pairOf(path, OBJECT_TYPE);
    return pairOf(parent, this.#node(parent).elements === path ? ARRAY_TYPE : OBJECT_TYPE);
  }

  #open(parent: number, name: string, text: string): number {
    const { pathsMax, charsMax } = this.#limits;
    if (this.#nodes.length >= pathsMax || this.#chars + text.length > charsMax) return -1;
    this.#chars += text.length;
    this.#nodes.push({ name, text, parent, children: new Map(), elements: -1 });
    return this.#nodes.length - 1;
  }

  #node(path: number): PathNode {
    const node = this.#nodes[path];
    if (!node) throw new RangeError(`no path ${path}`);
    return node;
  }
}

export function pairOf(path: number, type: number): number {
  return (path << TYPE_BITS) | type;
}

export function pathOfPair(pair: number): number {
  return pair >>> TYPE_BITS;
}

export function typeOfPair(pair: number): ShapeType {
  return SHAPE_TYPES[pair & ((1 << TYPE_BITS) - 1)] ?? 'other';
}

/** Number of the scalar type of `value`; -1 for an object or array. */
export function scalarType(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return STRING_TYPE;
    case 'number':
      return NUMBER_TYPE;
    case 'boolean':
      return BOOLEAN_TYPE;
    case 'bigint':
      return BIGINT_TYPE;
    case 'object':
      if (value === null) return NULL_TYPE;
      return value instanceof Uint8Array ? BYTES_TYPE : -1;
    default:
      return OTHER_TYPE;
  }
}
