/** Arrow schemas to try declarations with: one of each type, and random ones. */
import fc from 'fast-check';
import {
  ArrowTimeUnit,
  Binary,
  Bool,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  LargeBinary,
  LargeUtf8,
  List,
  Schema,
  Struct,
  Timestamp,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from '../../../src/schema/arrow.ts';

/** Every scalar type that a schema may use. */
export const SCALARS: readonly DataType[] = [
  new Int8(),
  new Int16(),
  new Int32(),
  new Int64(),
  new Uint8(),
  new Uint16(),
  new Uint32(),
  new Uint64(),
  new Float16(),
  new Float32(),
  new Float64(),
  new Bool(),
  new Utf8(),
  new LargeUtf8(),
  new Binary(),
  new LargeBinary(),
  new Dictionary(new Utf8(), new Int32()),
  new Dictionary(new Utf8(), new Int8()),
  new Dictionary(new LargeUtf8(), new Uint16()),
  new DateDay(),
  new DateMillisecond(),
  new Decimal(2, 10),
  new Decimal(2, 10, 256),
  new Decimal(0, 40, 256),
  new Timestamp(ArrowTimeUnit.SECOND),
  new Timestamp(ArrowTimeUnit.MICROSECOND, 'UTC'),
  new Timestamp(ArrowTimeUnit.NANOSECOND, 'Europe/Paris'),
];

/** Metadata as people, programs and other tools write it, sensible or not. */
const METADATA: fc.Arbitrary<Record<string, string>> = fc
  .array(
    fc.constantFrom<Record<string, string>>(
      { key: 'true' },
      { key: 'false' },
      { essential: 'false' },
      { aliases: '["p","q"]' },
      { aliases: '[ "p" ]' },
      { precision: '1e-6r' },
      { precision: '0.01' },
      { minimum: '1', maximum: '9' },
      { minimum: '0' },
      { minimum: '5e-324' },
      { maximum: '1.0' },
      { maximum: '1e400' },
      { optional: 'true' },
      { optional: 'true', nullable: 'false' },
      { nullable: 'false' },
      { optional: 'false' },
      { minLength: '1', maxLength: '08' },
      { enum: '["a","b"]' },
      { enum: '["a","a"]' },
      { enum: '[]' },
      { default: '{"a":[1]}' },
      { default: 'null' },
      { onUnknown: 'refuse' },
      { json: 'true' },
      { json: 'true', jsonTypes: '["object"]' },
      { json: 'true', jsonTypes: '["string","integer"]' },
      { json: 'true', jsonTypes: '["string"]' },
      { json: 'true', jsonTypes: '["object","array","string","number","boolean"]' },
      { jsonTypes: '["object"]' },
      { format: 'DD.MM.YYYY' },
      { tolerance: '0.5' },
      { tolerance: '.5' },
      { epoch: 'ms', text: 'trim,nfc', leadingZeros: 'true' },
      { 'PARQUET:field_id': '7', ['__proto__']: 'x' },
    ),
    { maxLength: 3 },
  )
  .map((parts) => Object.assign({}, ...parts));

const NAMES = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1 }),
  fc.constantFrom('__proto__', 'constructor', 'a/b~c', '1', '007', 'toString'),
);

function fieldOf(name: string, type: DataType, nullable: boolean, metadata: Record<string, string>): Field {
  return new Field(name, type, nullable, new Map(Object.entries(metadata)));
}

const { type: TYPES } = fc.letrec<{ type: DataType; field: Field }>((tie) => ({
  type: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...SCALARS),
    fc
      .uniqueArray(tie('field'), { maxLength: 4, selector: ({ name }) => name })
      .map((children) => new Struct(children)),
    tie('field').map((item) => new List(item)),
    tie('field').map((item) => new FixedSizeList(3, item)),
  ),
  field: fc
    .tuple(fc.oneof(NAMES, fc.constant('item')), tie('type'), fc.boolean(), METADATA)
    .map((parts) => fieldOf(...parts)),
}));

/** Any schema, nested ones included, with any metadata. */
export const SCHEMAS: fc.Arbitrary<Schema> = fc
  .tuple(
    fc.uniqueArray(fc.tuple(NAMES, TYPES, fc.boolean(), METADATA), {
      minLength: 1,
      maxLength: 6,
      selector: ([name]) => name,
    }),
    fc.constantFrom<Record<string, string>>({}, { onUnknown: 'strip' }, { pandas: '{}' }),
  )
  .map(
    ([fields, metadata]) =>
      new Schema(
        fields.map((parts) => fieldOf(...parts)),
        new Map(Object.entries(metadata)),
      ),
  );

/** Everything that a schema says, as plain data. */
export function showSchema({ fields, metadata }: Schema): unknown {
  return [fields.map(showField), Object.fromEntries(metadata)];
}

function showField({ name, type, nullable, metadata }: Field): unknown {
  const width = type instanceof Decimal ? type.bitWidth : undefined;
  return [name, String(type), width, type.children?.map(showField), nullable, Object.fromEntries(metadata)];
}
