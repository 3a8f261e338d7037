/** Counts what is wrong, by field and kind, and says it in one bounded line. */

const NAMED_MAX = 8;
const KEPT_MAX = 256;
const NAME_WIDTH = 40;

function shorten(name: string): string {
  const line = name.replace(/\s+/g, ' ').toWellFormed();
  return line.length > NAME_WIDTH ? `${line.slice(0, NAME_WIDTH - 1)}…` : line;
}

export class FaultTally {
  readonly #counts = new Map<string, number>();

  /** `what` is a kind, or a sentence about the first such value. */
  add(field: string, what: string): void {
    const key = `${shorten(field)}: ${what}`;
    if (this.#counts.size >= KEPT_MAX && !this.#counts.has(key)) return;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** `temp: "warm" is no float (type) 3x; id: null where the schema has none 1x; …`, the most frequent first. */
  toString(): string {
    const counts = [...this.#counts].sort((a, b) => b[1] - a[1]);
    const shown = counts.slice(0, NAMED_MAX).map(([key, count]) => `${key} ${count}x`);
    if (counts.length > NAMED_MAX) shown.push(`and ${counts.length - NAMED_MAX} more`);
    return shown.join('; ');
  }
}
