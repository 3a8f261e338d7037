/** Started by a test: opens one state file from many processes at once, each of which writes some rows. */
import { fork } from 'node:child_process';
import { nodeFileSystem } from '../../src/platform/node-file-system.ts';
import { openStateDatabase } from '../../src/reconcile/sqlite-database.ts';

const [file = '', processes = '1', rows = '1', name] = process.argv.slice(2);

if (name === undefined) {
  const children = Array.from({ length: Number(processes) }, (_, n) =>
    fork(import.meta.filename, [file, processes, rows, `p${n}`]),
  );
  for (const child of children) child.on('exit', (code) => (process.exitCode ||= code ?? 1));
} else {
  const state = await openStateDatabase({ file, fs: nodeFileSystem });
  for (let n = 0; n < Number(rows); n += 1) {
    await state.transact((session) => {
      // Reads before it writes, as claims do: a transaction that began as a reader could not go on.
      const { n: rows = 0 } = session.get<{ n: number }>('SELECT COUNT(*) AS n FROM state_facts') ?? {};
      session.run('INSERT INTO state_facts VALUES (?, ?)', `${name}-${n}`, String(rows));
    });
  }
  await state.close();
}
