/** How far shapes are from a schema: each is judged once and weighs by its count. */
import type { ColumnType } from '../../core/columns.ts';
import type { PlannedFields } from '../schema-plan.ts';
import { DriftBook, NO_COLUMN, ShownSample } from './drift-book.ts';
import type { DriftReport } from './drift-report.ts';
import { Renames } from './renames.ts';
import { OBJECT_TYPE, pairOf, pathOfPair, type ShapePaths, type ShapeType, typeOfPair } from './shape-paths.ts';

export interface Shape {
  /** Ascending pairs of path and type. */
  readonly members: Int32Array;
  count: number;
  readonly firstRow: number;
}

const ROOT = 0;
const ANYTHING: readonly ShapeType[] = ['boolean', 'number', 'string', 'bigint', 'object', 'array', 'deeper'];

/** Types of which a column can take at least one value as it is. */
const TAKES: Readonly<Record<ColumnType, readonly ShapeType[]>> = {
  bool: ['boolean'],
  int: ['number', 'bigint'],
  bigint: ['number', 'bigint'],
  float: ['number', 'bigint'],
  decimal: ['number', 'string', 'bigint'],
  text: ['string'],
  json: ANYTHING,
  bytes: ['string', 'bytes'],
  date: ['string'],
  timestamp: ['string', 'bigint'],
};

/** The top level of a shape, by name. A record that is no object is one with the field `value`, as when it is decoded. */
function typesByName({ members }: Shape, paths: ShapePaths): ReadonlyMap<string, ShapeType> {
  const types = new Map<string, ShapeType>();
  const isObject = members.includes(pairOf(ROOT, OBJECT_TYPE));
  for (const pair of members) {
    const path = pathOfPair(pair);
    if (path === ROOT && !isObject) types.set('value', typeOfPair(pair));
    if (isObject && path !== ROOT && paths.parent(path) === ROOT) types.set(paths.name(path), typeOfPair(pair));
  }
  return types;
}

export function shapeDivergence(
  plan: PlannedFields,
  paths: ShapePaths,
  shapes: readonly Shape[],
  untracked: number,
): DriftReport {
  const book = new DriftBook(plan.columnNames);
  const renames = new Renames(plan.names);
  book.skip(untracked);
  for (const shape of shapes) {
    book.look(shape.count);
    compare(shape, typesByName(shape, paths), plan, renames, book);
  }
  return book.report();
}

function compare(
  { count, firstRow }: Shape,
  types: ReadonlyMap<string, ShapeType>,
  { fields, names }: PlannedFields,
  renames: Renames,
  book: DriftBook,
): void {
  const extras = [...types.keys()].filter((name) => names.exact(name) === undefined);
  const renamed = renames.find(extras, (column) => !types.has(fields[column]?.column.name ?? ''));
  const sources = new Set(renamed?.values());
  fields.forEach(({ column: { name, type }, optional, takesNull }, column) => {
    const found = types.get(name);
    const source = renamed?.get(column);
    if (source !== undefined) book.add(column, name, 'renamed', firstRow, source, count);
    else if (found === undefined && optional) book.addAbsent(column, count);
    else if (found === undefined) book.add(column, name, 'missing', firstRow, undefined, count);
    else if (found === 'null' && takesNull) return;
    else if (found === 'null') book.add(column, name, 'null', firstRow, null, count);
    else if (!TAKES[type].includes(found))
      book.add(column, name, 'type', firstRow, new ShownSample(found), count);
  });
  for (const name of extras) {
    if (sources.has(name)) continue;
    book.add(NO_COLUMN, name, 'extra', firstRow, new ShownSample(types.get(name) ?? ''), count);
  }
}
