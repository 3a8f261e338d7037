/** Writes 1,000 rows after another into the file it is given and says each time that they are in, until it is killed. */
import { writeSync } from 'node:fs';
import { sqliteSink } from '../../src/sinks/sqlite-sink.ts';
import { writeRequest } from '../../src/testing/write-request.ts';

const sink = sqliteSink({ file: process.argv[2] ?? '', table: 't' });
for (let from = 0; ; from += 1_000) {
  const rows = Array.from({ length: 1_000 }, (_, row) => from + row);
  await sink.write(
    writeRequest({
      columns: [{ name: 'n', type: 'int', nullable: false, key: false }],
      cells: rows.map((row) => [row]),
      keys: rows.map((row) => `k-${row}`),
    }),
  );
  writeSync(1, `${from}\n`);
}
