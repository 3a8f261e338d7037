/**
 * Commands and their arguments.
 *
 * A1 what is not in a command's table is refused with exit code 2 and the nearest name, never ignored. A2 a command runs
 * only with arguments that were all checked.
 */
import { parseArgs } from 'node:util';
import { TierfallError } from '../core/errors.ts';
import type { CommandSpec } from './help.ts';
import { nearest } from './nearest.ts';
import { type OptionSpec, type OptionTable, type OptionValues, parseOption } from './options.ts';

/** The command line is wrong; the hint says what would be right. */
export class UsageError extends TierfallError {
  override readonly name = 'UsageError';

  constructor(message: string, hint: string) {
    super('USAGE', message, { hint });
  }
}

/** Checked arguments of one command. */
export interface Invocation<O extends OptionTable> {
  readonly options: OptionValues<O>;
  readonly positionals: readonly string[];
}

/** A command that can be listed, explained and run; `C` is what the program gives to each. */
export interface Command<C> {
  readonly spec: CommandSpec;
  /**
   * Checks the arguments and runs.
   * @returns the exit code
   * @throws UsageError or ConfigError before anything is done
   */
  run(program: string, args: readonly string[], context: C): Promise<number>;
}

/** A command from its table and what it does; pure. */
export function defineCommand<const O extends OptionTable, C>(
  spec: CommandSpec<O>,
  run: (invocation: Invocation<O>, context: C) => Promise<number>,
): Command<C> {
  return {
    spec,
    run: async (program, args, context) => run(parseCommand(program, spec, args), context),
  };
}

/**
 * The checked arguments of a command.
 * @throws UsageError for what is unknown, missing, given twice or too much; ConfigError for a bad value
 */
export function parseCommand<O extends OptionTable>(
  program: string,
  spec: CommandSpec<O>,
  args: readonly string[],
): Invocation<O> {
  const hint = `Run "${program} ${spec.name} --help".`;
  const { texts, positionals } = readTokens(spec, args, hint);
  const values = Object.create(null) as Record<string, unknown>;
  for (const [name, option] of Object.entries<OptionSpec>(spec.options)) {
    values[name] = optionValue(name, option, texts.get(name) ?? [], hint);
  }
  checkPositionals(spec, positionals, hint);
  return { options: values as OptionValues<O>, positionals };
}

interface Tokens {
  readonly texts: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

/** The parser of Node splits; what it finds is checked here, for messages that help. */
function readTokens(spec: CommandSpec, args: readonly string[], hint: string): Tokens {
  const options = Object.fromEntries(
    Object.entries(spec.options).map(([name, { type, short }]) => [
      name,
      {
        type: type === 'flag' ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const texts = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const option = Object.hasOwn(spec.options, name) ? spec.options[name] : undefined;
    if (!option)
      throw unknownName(
        `option ${rawName}`,
        rawName,
        Object.keys(spec.options).map((known) => `--${known}`),
        hint,
      );
    texts.set(name, [
      ...(texts.get(name) ?? []),
      optionText(rawName, option, value, inlineValue === true, hint),
    ]);
  }
  return { texts, positionals };
}

function optionText(
  rawName: string,
  option: OptionSpec,
  value: string | undefined,
  isInline: boolean,
  hint: string,
): string {
  if (option.type === 'flag') {
    if (value === undefined) return '';
    throw new UsageError(`${rawName} takes no value, found ${JSON.stringify(value)}`, hint);
  }
  // `--dir --json` forgot a value; `--dir=--json` means it, and a lone `-` is standard input.
  if (value === undefined || (!isInline && /^-[^\d]/.test(value))) {
    throw new UsageError(`${rawName} needs a value (${option.placeholder ?? option.type})`, hint);
  }
  return value;
}

function optionValue(name: string, option: OptionSpec, texts: readonly string[], hint: string): unknown {
  if (texts.length > 1 && !option.many) throw new UsageError(`--${name} is given ${texts.length} times`, hint);
  if (option.type === 'flag') return texts.length > 0;
  if (texts.length === 0 && option.required) throw new UsageError(`--${name} is required`, hint);
  const given = texts.length > 0 || option.default === undefined ? texts : [option.default];
  const values = given.map((text) => parseOption(name, option, text));
  return option.many ? values : values[0];
}

function checkPositionals({ positionals = [] }: CommandSpec, given: readonly string[], hint: string): void {
  const missing = positionals.find(({ required = true }, index) => required && given[index] === undefined);
  if (missing) throw new UsageError(`<${missing.name}> is missing: ${missing.description}`, hint);
  const extra = given[positionals.length];
  if (extra !== undefined && !positionals.at(-1)?.many) {
    throw new UsageError(`${JSON.stringify(extra)} is one argument too many`, hint);
  }
}

/** An error that offers the nearest of the known names. */
export function unknownName(what: string, name: string, known: readonly string[], hint: string): UsageError {
  const near = nearest(name, known);
  return new UsageError(`${what} is not known`, near === undefined ? hint : `Did you mean ${near}? ${hint}`);
}
