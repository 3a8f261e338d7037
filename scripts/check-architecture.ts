/** Prints every breach of the architecture table and of the source rules; exits 1 when there is one. */
import { fileURLToPath } from 'node:url';
import { checkArchitecture } from '../test/architecture/check.ts';
import { TABLE } from '../test/architecture/table.ts';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[/\\]$/, '');
const { modules, files, faults } = await checkArchitecture(root, TABLE);
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(`${modules} modules and ${files} files checked, ${faults.length} faults\n`);
process.exitCode = faults.length > 0 ? 1 : 0;
