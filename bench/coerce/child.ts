/**
 * One body and one subject in a process of its own, as an application would have them: in turns with P, the parsing of
 * the same lines. Times are CPU of this thread, so neighbours that preempt us do not count.
 */
import { DATA, type DataName } from './data.ts';
import { longestBlockOf } from './longest-block.ts';
import { parse, SUBJECTS, type Subject, type SubjectName } from './subjects.ts';

export interface Round {
  readonly parseMs: number;
  readonly subjectMs: number;
  /** The longest time that nothing else could run meanwhile; wall clock. */
  readonly blockMs: number;
}

const WARM_UPS = 5;

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

async function timed(subject: Subject, body: Buffer): Promise<number> {
  const before = cpuMs();
  const result = await subject(body);
  if (!(result > 0)) throw new Error('the subject found no records');
  return cpuMs() - before;
}

const [, , dataName, subjectName, rounds] = process.argv;
const data = DATA[dataName as DataName];
const make = SUBJECTS[subjectName as SubjectName];
if (!data || !make) throw new Error(`no data ${dataName} or no subject ${subjectName}`);
const body = data.body();
const subject = make(data.schema());
const measured: Round[] = [];
for (let round = -WARM_UPS; round < Number(rounds); round += 1) {
  const parseMs = await timed(parse, body);
  let subjectMs = 0;
  const blockMs = await longestBlockOf(async () => {
    subjectMs = await timed(subject, body);
  });
  if (round >= 0) measured.push({ parseMs, subjectMs, blockMs });
}
process.stdout.write(JSON.stringify(measured));
