/**
 * Recognises shapes that were seen before: each step of a record, a name with the type of its value, leads from state to
 * state, and the last one knows the shape. Records of few shapes, and that is nearly all data, take one comparison per
 * field and allocate nothing.
 *
 * U1 `recognise` gives the shape that `learn` was given for a record of the same steps, or none; never another. U2 what an
 * array holds counts once per kind of element, so its length makes no new shape. U3 recursion ends at the depth
 * limit, and states at theirs.
 */
import { BOOLEAN_TYPE, DEEPER_TYPE, NULL_TYPE, NUMBER_TYPE, STRING_TYPE, scalarType } from './shape-paths.ts';

const SCALAR_TYPES = 8;
const NO_SHAPE = -1;

/** Where a record stands between two fields. */
class State {
  /** What came next first, and is expected again. */
  edge: Edge | undefined = undefined;
  /** What else came next, by name. */
  others: Map<string, Edge> | undefined = undefined;
  /** Where it goes on when the object ends here. */
  exit: State | undefined = undefined;
  /** Of a record that ends here; of an element, its number among the kinds of elements of that array. */
  shape = NO_SHAPE;
}

/** A name, and where each type of its value leads. The types of nearly all values are fields: an array would cost a fifth. */
class Edge {
  readonly key: string;
  onText: State | undefined = undefined;
  onNumber: State | undefined = undefined;
  onBoolean: State | undefined = undefined;
  onNull: State | undefined = undefined;
  /** Of the other scalar types. */
  onRare: Map<number, State> | undefined = undefined;
  /** The start of an object that is the value. */
  object: State | undefined = undefined;
  array: ArrayStates | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }

  stateOf(type: number): State | undefined {
    if (type === STRING_TYPE) return this.onText;
    if (type === NUMBER_TYPE) return this.onNumber;
    if (type === BOOLEAN_TYPE) return this.onBoolean;
    return type === NULL_TYPE ? this.onNull : this.onRare?.get(type);
  }

  lead(type: number, state: State): State {
    if (type === STRING_TYPE) this.onText = state;
    else if (type === NUMBER_TYPE) this.onNumber = state;
    else if (type === BOOLEAN_TYPE) this.onBoolean = state;
    else if (type === NULL_TYPE) this.onNull = state;
    else {
      this.onRare ??= new Map();
      this.onRare.set(type, state);
    }
    return state;
  }
}

/** Arrays by the set of what they hold. */
class ArrayStates {
  readonly elements = new Edge('[]');
  /** Kinds of nested elements met so far. */
  kinds = 0;
  /** By scalar types, with at most one kind of nested element. */
  readonly simple = new Map<number, State>();
  /** By scalar types with several kinds of nested elements. */
  readonly mixed = new Map<string, State>();
}

/** What the elements of one array are: bits of scalar types, and kinds of nested elements. */
class Elements {
  scalars = 0;
  first = NO_SHAPE;
  others: Set<number> | undefined = undefined;

  addKind(kind: number): void {
    if (kind === this.first) return;
    if (this.first === NO_SHAPE) this.first = kind;
    else {
      this.others ??= new Set([this.first]);
      this.others.add(kind);
    }
  }
}

function stateOfElements(states: ArrayStates, { scalars, first, others }: Elements): State | undefined {
  if (others === undefined) return states.simple.get((first + 1) * 2 ** SCALAR_TYPES + scalars);
  return states.mixed.get(`${scalars}:${[...others].sort((a, b) => a - b)}`);
}

export interface AutomatonLimits {
  readonly statesMax: number;
  /** Objects and arrays inside of this many others are `deeper`. */
  readonly depthMax: number;
}

export class ShapeAutomaton {
  readonly #root = new Edge('$');
  readonly #depthMax: number;
  #statesLeft: number;

  constructor({ statesMax, depthMax }: AutomatonLimits) {
    this.#statesLeft = statesMax;
    this.#depthMax = depthMax;
  }

  /** Whether nothing more can be learnt. */
  get isFull(): boolean {
    return this.#statesLeft <= 0;
  }

  /** The shape of a record of known steps; -1 when the steps are not known. */
  recognise(record: unknown): number {
    const end =
      typeof record === 'object' && record !== null && !Array.isArray(record)
        ? this.#followObject(this.#root, record as Readonly<Record<string, unknown>>, 0)
        : this.#follow(this.#root, record, 0);
    return end === undefined ? NO_SHAPE : end.shape;
  }

  /** Remembers the steps of `record`. @returns false when there is no room, and then nothing is recognised wrongly */
  learn(record: unknown, shape: number): boolean {
    const end = this.#open(this.#root, record, 0);
    if (end === undefined) return false;
    end.shape = shape;
    return true;
  }

  #follow(edge: Edge, value: unknown, depth: number): State | undefined {
    const type = scalarType(value);
    if (type >= 0) return edge.stateOf(type);
    if (depth >= this.#depthMax) return edge.stateOf(DEEPER_TYPE);
    return Array.isArray(value)
      ? this.#followArray(edge, value, depth)
      : this.#followObject(edge, value as Readonly<Record<string, unknown>>, depth);
  }

  #followObject(start: Edge, record: Readonly<Record<string, unknown>>, depth: number): State | undefined {
    let state = start.object;
    if (state === undefined || !hasPlainPrototype(record)) return undefined;
    for (const key in record) {
      const value = record[key];
      if (value === undefined) continue;
      let edge: Edge | undefined = state.edge;
      if (edge === undefined) return undefined;
      if (edge.key !== key) {
        edge = state.others?.get(key);
        if (edge === undefined) return undefined;
      }
      let next: State | undefined;
      if (typeof value === 'string') next = edge.onText;
      else if (typeof value === 'number') next = edge.onNumber;
      else if (typeof value === 'boolean') next = edge.onBoolean;
      else if (value === null) next = edge.onNull;
      else next = this.#follow(edge, value, depth + 1);
      if (next === undefined) return undefined;
      state = next;
    }
    return state.exit;
  }

  #followArray(edge: Edge, values: readonly unknown[], depth: number): State | undefined {
    const states = edge.array;
    if (states === undefined) return undefined;
    const elements = new Elements();
    for (let at = 0; at < values.length; at += 1) {
      const value = values[at];
      const type = depth + 1 >= this.#depthMax ? shallowType(value) : scalarType(value);
      if (type >= 0) {
        elements.scalars |= 1 << type;
        continue;
      }
      const end = this.#follow(states.elements, value, depth + 1);
      if (end === undefined) return undefined;
      elements.addKind(end.shape);
    }
    return stateOfElements(states, elements);
  }

  #open(edge: Edge, value: unknown, depth: number): State | undefined {
    const type = depth >= this.#depthMax ? shallowType(value) : scalarType(value);
    if (type >= 0) {
      const known = edge.stateOf(type);
      if (known !== undefined) return known;
      const state = this.#newState();
      return state === undefined ? undefined : edge.lead(type, state);
    }
    return Array.isArray(value)
      ? this.#openArray(edge, value, depth)
      : this.#openObject(edge, value as Readonly<Record<string, unknown>>, depth);
  }

  #openObject(start: Edge, record: Readonly<Record<string, unknown>>, depth: number): State | undefined {
    if (!hasPlainPrototype(record)) return undefined;
    start.object ??= this.#newState();
    let state = start.object;
    for (const key of Object.keys(record)) {
      if (state === undefined || this.isFull) return undefined;
      const value = record[key];
      if (value !== undefined) state = this.#open(edgeOf(state, key), value, depth + 1);
    }
    if (state === undefined) return undefined;
    state.exit ??= this.#newState();
    return state.exit;
  }

  #openArray(edge: Edge, values: readonly unknown[], depth: number): State | undefined {
    edge.array ??= new ArrayStates();
    const states = edge.array;
    const elements = new Elements();
    for (const value of values) {
      const type = depth + 1 >= this.#depthMax ? shallowType(value) : scalarType(value);
      if (type >= 0) {
        elements.scalars |= 1 << type;
        continue;
      }
      const end = this.#open(states.elements, value, depth + 1);
      if (end === undefined) return undefined;
      if (end.shape === NO_SHAPE) {
        end.shape = states.kinds;
        states.kinds += 1;
      }
      elements.addKind(end.shape);
    }
    return this.#stateOf(states, elements);
  }

  #stateOf(states: ArrayStates, elements: Elements): State | undefined {
    const known = stateOfElements(states, elements);
    if (known !== undefined) return known;
    const state = this.#newState();
    if (state === undefined) return undefined;
    const { scalars, first, others } = elements;
    if (others === undefined) states.simple.set((first + 1) * 2 ** SCALAR_TYPES + scalars, state);
    else states.mixed.set(`${scalars}:${[...others].sort((a, b) => a - b)}`, state);
    return state;
  }

  #newState(): State | undefined {
    if (this.#statesLeft <= 0) return undefined;
    this.#statesLeft -= 1;
    return new State();
  }
}

function edgeOf(state: State, key: string): Edge {
  state.edge ??= new Edge(key);
  if (state.edge.key === key) return state.edge;
  state.others ??= new Map();
  const known = state.others.get(key);
  if (known !== undefined) return known;
  const edge = new Edge(key);
  state.others.set(key, edge);
  return edge;
}

/** Names that are inherited are not in the data, and `for in` would give them. */
function hasPlainPrototype(record: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(record);
  return prototype === Object.prototype || prototype === null;
}

/** Like `scalarType` at the depth limit, where what is nested is `deeper`. */
function shallowType(value: unknown): number {
  const type = scalarType(value);
  return type < 0 ? DEEPER_TYPE : type;
}
