/** Help pages, printed from the tables that the parser reads; 80 columns, whatever the terminal. */
import type { OptionSpec, OptionTable } from './options.ts';

const WIDTH = 80;
const LEFT_MAX = 28;

export interface PositionalSpec {
  readonly name: string;
  readonly description: string;
  /** @default true */
  readonly required?: boolean;
  /** Takes all that follow; only the last one may. */
  readonly many?: boolean;
}

export interface Example {
  readonly command: string;
  readonly description: string;
}

/** What a command takes, and what its help page says. */
export interface CommandSpec<O extends OptionTable = OptionTable> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Left out of the list of commands, and not offered for a misspelt one. @default false */
  readonly hidden?: boolean;
  /** Paragraphs for the command's own page. */
  readonly description?: readonly string[];
  readonly positionals?: readonly PositionalSpec[];
  readonly options: O;
  readonly examples: readonly Example[];
}

/** What the whole program is. */
export interface ProgramSpec {
  readonly name: string;
  readonly version: string;
  readonly summary: string;
  /** Further parts of the main page, such as exit codes. */
  readonly sections?: readonly {
    readonly title: string;
    readonly rows: readonly (readonly [string, string])[];
  }[];
}

/** The main page: all commands. */
export function programHelp(
  program: ProgramSpec,
  commands: readonly Pick<CommandSpec, 'name' | 'summary'>[],
): string {
  const sections = program.sections ?? [];
  return join([
    `Usage: ${program.name} <command> [options]`,
    wrap(program.summary, WIDTH).join('\n'),
    part(
      'Commands',
      commands.map(({ name, summary }) => [name, summary]),
    ),
    part('Options', [
      ['-h, --help', 'Show help; after a command, its own page.'],
      ['-V, --version', 'Show the version.'],
    ]),
    ...sections.map(({ title, rows }) => part(title, rows)),
    `Run "${program.name} help <command>" for the options of a command.`,
  ]);
}

/** The page of one command. */
export function commandHelp(program: string, spec: CommandSpec): string {
  const positionals = spec.positionals ?? [];
  const usage = positionals.map(usageOf).join(' ');
  return join([
    `Usage: ${program} ${spec.name} [options]${usage === '' ? '' : ` ${usage}`}`,
    ...[spec.summary, ...(spec.description ?? [])].map((text) => wrap(text, WIDTH).join('\n')),
    part(
      'Arguments',
      positionals.map(({ name, description }) => [`<${name}>`, description]),
    ),
    part('Options', [...Object.entries(spec.options).map(optionRow), ['-h, --help', 'Show this page.']]),
    examplesPart(spec.examples),
  ]);
}

function usageOf({ name, required = true, many = false }: PositionalSpec): string {
  const text = `<${name}>${many ? '...' : ''}`;
  return required ? text : `[${text}]`;
}

function optionRow([name, spec]: readonly [string, OptionSpec]): readonly [string, string] {
  const value = spec.type === 'flag' ? '' : ` ${spec.placeholder ?? spec.type.toUpperCase()}`;
  const notes = [
    spec.required ? 'required' : '',
    spec.choices ? `one of ${spec.choices.join(', ')}` : '',
    spec.many ? 'may be repeated' : '',
    spec.default === undefined ? '' : `default: ${spec.default}`,
  ].filter((note) => note !== '');
  const left = `${spec.short === undefined ? '    ' : `-${spec.short}, `}--${name}${value}`;
  return [left, notes.length === 0 ? spec.description : `${spec.description} (${notes.join('; ')})`];
}

function examplesPart(examples: readonly Example[]): string {
  if (examples.length === 0) return '';
  const lines = examples.map(
    ({ command, description }) =>
      `${wrap(`# ${description}`, WIDTH - 2)
        .map((line) => `  ${line}`)
        .join('\n')}\n  $ ${command}`,
  );
  return `Examples:\n${lines.join('\n\n')}`;
}

function part(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return '';
  const left = Math.min(LEFT_MAX, Math.max(...rows.map(([name]) => name.length)));
  const lines = rows.flatMap(([name, text]) => row(name, text, left));
  return `${title}:\n${lines.join('\n')}`;
}

/** A name that is too long for the left column has a line of its own. */
function row(name: string, text: string, left: number): readonly string[] {
  const indent = ' '.repeat(left + 4);
  const [first = '', ...others] = wrap(text, WIDTH - indent.length);
  const rest = others.map((line) => indent + line);
  return name.length > left
    ? [`  ${name}`, indent + first, ...rest]
    : [`  ${name.padEnd(left)}  ${first}`, ...rest];
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function join(parts: readonly string[]): string {
  return `${parts.filter((text) => text !== '').join('\n\n')}\n`;
}
