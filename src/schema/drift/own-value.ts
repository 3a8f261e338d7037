/** An own property; undefined when absent. Inherited names such as `constructor` are not in the data. */
export function ownValue(record: object, name: string): unknown {
  return Object.hasOwn(record, name) ? Reflect.get(record, name) : undefined;
}
