/** Code that is written for one schema or one shape of records, where the host allows it. */

/**
 * @param body the body of a function; names of fields belong into it as JSON text, which is a string of the language
 *   whatever they hold
 * @param scope what `body` may use beside globals, by name
 * @returns what `body` returns; undefined where the host forbids to compile text (`--disallow-code-generation-from-strings`,
 *   a content security policy), so that every caller needs a way without
 * @throws SyntaxError and whatever else `body` throws: faults of whoever wrote it
 */
export function compileCode<T>(body: string, scope: Readonly<Record<string, unknown>>): T | undefined {
  try {
    return new Function(...Object.keys(scope), body)(...Object.values(scope)) as T;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}
