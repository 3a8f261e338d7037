/** The forms in which people write dates, for inference: which of them every text of a field has. */
import { compileTimeFormat } from '../time-format.ts';

const DAYS = [
  'YYYY/M/D',
  'D.M.YYYY',
  'M/D/YYYY',
  'D/M/YYYY',
  'M-D-YYYY',
  'D-M-YYYY',
  'MMM D YYYY',
  'MMM D, YYYY',
  'MMMM D YYYY',
  'MMMM D, YYYY',
  'D MMM YYYY',
  'D MMMM YYYY',
  'D-MMM-YYYY',
];
const TIMES = ['HH:mm', 'HH:mm:ss', 'HH:mm:ss.SSS'];
const FORMATS = [
  ...DAYS,
  ...['YYYY-MM-DD', ...DAYS].flatMap((day) => TIMES.map((time) => `${day} ${time}`)),
  'D/MMM/YYYY:HH:mm:ss Z',
  'YYYY-MM-DD HH:mm:ssZ',
  'YYYY-MM-DD HH:mm:ss Z',
];

const COMPILED = FORMATS.map((format) => {
  const compiled = compileTimeFormat(format);
  if (typeof compiled === 'string') throw new Error(`${format}: ${compiled}`);
  return { format, parse: compiled.parse };
});

/** Longer texts are no dates, and are not looked at. */
const TEXT_MAX = 40;

function startsWithDay(format: string): boolean {
  return /^D\W?M(?!M)/.test(format);
}

/** Formats that every text so far has. */
export class WrittenTimes {
  #left: readonly (typeof COMPILED)[number][] = COMPILED;

  add(text: string): void {
    if (this.#left.length === 0) return;
    this.#left =
      text.length > TEXT_MAX ? [] : this.#left.filter(({ parse }) => typeof parse(text) === 'object');
  }

  /** The one format that all texts have; undefined when there is none, or when day and month cannot be told apart. */
  get format(): string | undefined {
    const [first, ...others] = this.#left;
    if (!first || this.#left.length === COMPILED.length) return undefined;
    const isVague = others.some(({ format }) => startsWithDay(format) !== startsWithDay(first.format));
    return isVague ? undefined : first.format;
  }
}
