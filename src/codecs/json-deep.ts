/**
 * JSON text to values without recursion: `JSON.parse` with a reviver recurses, and fails on a few thousand levels of nesting.
 * Slower, so it is for texts on which that happened.
 */

type Container = unknown[] | Record<string, unknown>;

const QUOTE = 34;
const BACKSLASH = 92;
/** A number or a word: what it is was checked before. */
const SCALAR = /[^\s,\]}]+/y;

/** Offset after the closing quote of the string that opens at `open`. */
function endOfString(text: string, open: number): number {
  let at = text.indexOf('"', open + 1);
  for (;;) {
    let first = at;
    while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
    if ((at - first) % 2 === 0) return at + 1;
    at = text.indexOf('"', at + 1);
  }
}

class DeepBuilder {
  /** Holds the value of the whole text; the other containers that are open are inside of it, innermost last. */
  readonly root: unknown[] = [];
  readonly #open: Container[] = [this.root];
  /** Of the member whose value comes next. */
  #name: string | undefined;

  addText(text: string): void {
    if (this.#name === undefined && !Array.isArray(this.#open.at(-1))) this.#name = text;
    else this.add(text);
  }

  add(value: unknown): void {
    const container = this.#open.at(-1);
    if (Array.isArray(container)) container.push(value);
    else if (this.#name === '__proto__')
      Object.defineProperty(container, this.#name, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    else if (container) container[this.#name ?? ''] = value;
    this.#name = undefined;
  }

  start(container: Container): void {
    this.add(container);
    this.#open.push(container);
  }

  end(): void {
    this.#open.pop();
  }
}

/** Like JSON.parse, with what `toNumber` makes of each number. @throws SyntaxError */
export function parseDeepJson(text: string, toNumber: (value: number, source: string) => unknown): unknown {
  // Without a reviver it does not recurse; what follows may trust the grammar.
  JSON.parse(text);
  const builder = new DeepBuilder();
  let at = 0;
  while (at < text.length) {
    const letter = text[at] as string;
    if (text.charCodeAt(at) === QUOTE) {
      const end = endOfString(text, at);
      builder.addText(JSON.parse(text.slice(at, end)) as string);
      at = end;
    } else if (/[\s,:]/.test(letter)) at += 1;
    else if (letter === '{' || letter === '[') {
      builder.start(letter === '{' ? {} : []);
      at += 1;
    } else if (letter === '}' || letter === ']') {
      builder.end();
      at += 1;
    } else {
      SCALAR.lastIndex = at;
      const source = SCALAR.exec(text)?.[0] ?? letter;
      const value: unknown = JSON.parse(source);
      builder.add(typeof value === 'number' ? toNumber(value, source) : value);
      at += source.length;
    }
  }
  return builder.root[0];
}
