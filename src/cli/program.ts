/** The program around the commands: finds the one that is meant, shows help, and turns errors into words and exit codes. */
import { ChainDefinitionError, ConfigError, SchemaError, TierfallError } from '../core/errors.ts';
import { redact } from '../telemetry/redact.ts';
import { type Command, UsageError, unknownName } from './args.ts';
import { commandHelp, type ProgramSpec, programHelp } from './help.ts';

export const EXIT_OK = 0;
/** Something went wrong while the command ran. */
export const EXIT_FAILED = 1;
/** The command line, or a setting, is wrong: nothing was done. */
export const EXIT_USAGE = 2;
/** Everything is safe, and some records rest outside the sink: deferred or in quarantine. */
export const EXIT_UNLANDED = 3;

const SETTING_ERRORS = [UsageError, ConfigError, SchemaError, ChainDefinitionError] as const;

/** Where the program's own words go. */
export interface ProgramOutput {
  stdout(text: string): void;
  stderr(text: string): void;
}

/**
 * Runs the command that the arguments name, or shows help or version. Errors become words on stderr, without
 * secrets.
 * @returns the exit code: what the command gave, `EXIT_FAILED`, or `EXIT_USAGE` when nothing was done
 */
export async function runProgram<C>(
  program: ProgramSpec,
  commands: readonly Command<C>[],
  args: readonly string[],
  context: C,
  output: ProgramOutput,
): Promise<number> {
  try {
    const page = findPage(program, commands, args);
    if (page !== undefined) {
      output.stdout(page);
      return EXIT_OK;
    }
    return await findCommand(program, commands, args[0]).run(program.name, args.slice(1), context);
  } catch (error) {
    output.stderr(explainError(program.name, error));
    return SETTING_ERRORS.some((known) => error instanceof known) ? EXIT_USAGE : EXIT_FAILED;
  }
}

const HELP = ['-h', '--help'];

/** The page that the arguments ask for, if they ask for one. */
function findPage<C>(
  program: ProgramSpec,
  commands: readonly Command<C>[],
  args: readonly string[],
): string | undefined {
  const [first = '', second] = args;
  if (first === '-V' || first === '--version') return `${program.version}\n`;
  if (HELP.includes(first) || (first === 'help' && second === undefined)) {
    return programHelp(
      program,
      commands.map(({ spec }) => spec).filter(({ hidden }) => !hidden),
    );
  }
  const end = args.indexOf('--');
  const asked = (end < 0 ? args : args.slice(0, end)).some((arg) => HELP.includes(arg));
  if (first === 'help') return commandHelp(program.name, findCommand(program, commands, second).spec);
  return asked ? commandHelp(program.name, findCommand(program, commands, first).spec) : undefined;
}

function findCommand<C>(
  program: ProgramSpec,
  commands: readonly Command<C>[],
  name: string | undefined,
): Command<C> {
  const hint = `Run "${program.name} --help" for the list of commands.`;
  if (name === undefined) throw new UsageError('a command is missing', hint);
  const found = commands.find(({ spec }) => spec.name === name);
  if (found) return found;
  throw unknownName(
    `command ${JSON.stringify(name)}`,
    name,
    commands.filter(({ spec }) => !spec.hidden).map(({ spec }) => spec.name),
    hint,
  );
}

/** What went wrong as lines for stderr, without secrets. */
export function explainError(program: string, error: unknown): string {
  return `${redact(explain(program, error))}\n`;
}

function explain(program: string, error: unknown): string {
  if (error instanceof TierfallError) return `${program}: ${error.explain()}`;
  // Not one of ours: a defect, and the stack is what its report needs.
  return `${program}: unexpected ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
