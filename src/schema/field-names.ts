/** Which field a name in the data means: exactly, by a declared alias, or the same but for case and separators. */
import { SchemaError } from '../core/errors.ts';

/** `US_Gross`, `US Gross`, `us-gross` and `usGross` are one name. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[\s_\-.]+/g, '');
}

/**
 * Unknown names of one record that are looked at, in the order of the record: whether they mean a field, and what they are.
 * Those behind are counted together.
 */
export const RECORD_NAMES_MAX = 1_024;

/** What a field is called. */
export interface NamedField {
  readonly column: { readonly name: string };
  readonly aliases: readonly string[];
}

/** Per column the name in the data that feeds it, and the names that feed none. */
export interface Sources {
  readonly names: readonly (string | undefined)[];
  readonly unknown: readonly string[];
}

export class FieldNames {
  readonly #exact = new Map<string, number>();
  readonly #aliases = new Map<string, number>();
  readonly #folded = new Map<string, number>();

  /** @throws SchemaError SCHEMA_NAMES when one name means two fields */
  constructor(plans: readonly NamedField[]) {
    plans.forEach((plan, index) => {
      this.#claim(this.#exact, plan.column.name, index);
    });
    plans.forEach((plan, index) => {
      for (const alias of plan.aliases) this.#claimAlias(alias, index);
    });
    plans.forEach((plan, index) => {
      for (const name of [plan.column.name, ...plan.aliases]) this.#addFolded(fold(name), index);
    });
  }

  /** Index of the field of exactly this name. */
  exact(name: string): number | undefined {
    return this.#exact.get(name);
  }

  /** The best match per column: the exact name, else an alias, else a folded name; the first of equals wins. */
  match(names: readonly string[]): Sources {
    const found: (string | undefined)[] = Array.from({ length: this.#exact.size });
    let left = names;
    for (const lookup of [
      (name: string) => this.#exact.get(name),
      (name: string) => this.#aliases.get(name),
      (name: string) => this.#folded.get(fold(name)),
    ]) {
      left = left.filter((name) => {
        const index = lookup(name);
        if (index === undefined || index < 0 || found[index] !== undefined) return true;
        found[index] = name;
        return false;
      });
    }
    return { names: found, unknown: left };
  }

  #claim(table: Map<string, number>, name: string, index: number): void {
    if (table.has(name)) {
      throw new SchemaError('SCHEMA_NAMES', `${JSON.stringify(name)} means two fields`, {
        hint: 'Give every field and every alias a name of its own.',
      });
    }
    table.set(name, index);
  }

  #claimAlias(alias: string, index: number): void {
    if (this.#exact.get(alias) === index) return;
    if (this.#exact.has(alias)) this.#claim(this.#exact, alias, index);
    this.#claim(this.#aliases, alias, index);
  }

  /** A folded name that could mean two fields means none: choosing would be a guess. */
  #addFolded(name: string, index: number): void {
    const other = this.#folded.get(name);
    this.#folded.set(name, other === undefined || other === index ? index : -1);
  }
}
