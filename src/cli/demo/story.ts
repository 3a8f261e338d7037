/** The story, scene by scene. Each scene does what it says, on real files, and shows what came of it. */
import { join } from 'node:path';
import { dataDirectory } from '../../assembly/data-directory.ts';
import type { LossReport } from '../../core/loss.ts';
import { showErrors } from '../../schema/loss/loss-table.ts';
import { formatBytes, formatCount } from '../format.ts';
import type { TableRow } from '../table.ts';
import type { ReceiptMessage } from './messages.ts';
import type { Phase } from './plan.ts';
import { type Stage, shareOf } from './stage.ts';
import type { StoredObject } from './tally.ts';
import { takeAway } from './warehouse.ts';

const LOSS_ROWS_MAX = 25;

/** Tells everything up to the proof; the writer is gone afterwards, however it ends. */
export async function tellStory(stage: Stage): Promise<void> {
  let giveBack = (): void => {};
  try {
    stage.say(stage.script.about);
    const pid = await stage.open();
    await sendClean(stage, pid);
    await sendDrifted(stage);
    await sendStrays(stage);
    if (stage.isAt('outage')) {
      giveBack = takeAway(stage.warehouse);
      await sendIntoOutage(stage);
    }
    giveBack();
    await comeBack(stage);
  } finally {
    giveBack();
    await stage.writer.kill();
  }
}

async function sendClean(stage: Stage, pid: number): Promise<void> {
  await stage.scene(
    'Clean batches',
    `${stage.script.words.clean} A pipeline of its own (process ${pid}) sends them to SQLite tables in small batches.`,
  );
  await stage.play('clean');
  stage.table(dispositionRows(stage, 'clean'));
}

async function sendDrifted(stage: Stage): Promise<void> {
  if (!stage.isAt('drift')) return;
  await stage.scene('Drifted batches', stage.script.words.drift);
  await stage.play('drift');
  stage.table(dispositionRows(stage, 'drift'));
  const loss = stage.tally.loss();
  if (loss.cells > 0) {
    const title = `Loss report: ${formatCount(loss.cells)} of ${formatCount(loss.cellsTotal)} cells were changed on the way`;
    stage.table(lossRows(loss), title);
  }
  const refused = refusedRows(loss);
  if (refused.length > 0)
    stage.table(refused, 'Refused: cells that no rule could take, whose rows are kept raw');
}

async function sendStrays(stage: Stage): Promise<void> {
  if (!stage.isAt('foreign')) return;
  await stage.scene(
    'Beyond tolerance',
    `${stage.script.words.foreign} They are kept raw, byte for byte, as Parquet.`,
  );
  await stage.play('foreign');
  stage.table(dispositionRows(stage, 'foreign'));
  const paths = stage.tally.objects.map((object) => `  ${pathOf(stage, object)}`);
  stage.terminal.note(['', 'The raw rows rest in:', ...paths].join('\n'));
}

async function sendIntoOutage(stage: Stage): Promise<void> {
  const share = shareOf(stage.script, 'outage');
  await stage.scene(
    'The sink is taken away',
    `The demo takes SQLite's write lock on the warehouse and keeps it for ${share} % of all records: every write is answered with "database is locked". After three failures a circuit opens, and batches go straight to the journal.`,
  );
  const before = stage.tally.objects.length;
  await stage.play('outage', async (half) => {
    await half;
    await killAndRestart(stage);
  });
  const { circuits, resubmitted } = stage.tally;
  stage.say(
    `Circuits that opened: ${[...circuits].join(', ') || 'none'}. Records that were acknowledged a second time after the kill: ${formatCount(resubmitted)}.`,
  );
  stage.table(dispositionRows(stage, 'outage'));
  stage.table(reasonRows(stage), 'What a dead sink costs');
  stage.table(totals(stage.tally.objects.slice(before)), 'Kept raw meanwhile, as Parquet objects');
}

async function killAndRestart(stage: Stage): Promise<void> {
  await stage.scene(
    'kill -9, in the middle of the outage',
    'About half of these records are acknowledged. Now the pipeline is killed with SIGKILL and started again.',
  );
  const { pid, resumedAt } = await stage.restart();
  const { records } = stage.tally.counts(() => true);
  stage.say(
    `It runs again as process ${pid}. Of ${formatCount(records)} acknowledged records its checkpoint covers ${formatCount(resumedAt)}; what comes behind that is sent once more and recognised by its keys.`,
  );
}

async function comeBack(stage: Stage): Promise<void> {
  await stage.scene(
    'The sink is back, and the worker drains',
    'The lock is released. New batches are delivered again once a probe has closed the circuits, and a worker beside them replays what was deferred, in order and through the same chain. What still does not fit goes to quarantine, with its reason and its bytes.',
  );
  if (stage.isAt('back')) {
    await stage.play('back');
    stage.table(dispositionRows(stage, 'back'));
  }
  await stage.drain();
  const { delivered, degraded, alreadyHeld, quarantined } = stage.tally.settled;
  stage.table(
    [{ delivered, degraded, 'already held': alreadyHeld, quarantined }],
    'What replay did with the deferred records',
  );
}

/** One line per chain: where the records of a phase went at once. */
function dispositionRows(stage: Stage, phase: Phase): readonly TableRow[] {
  return stage.script.chains.flatMap(({ name }) => {
    const counts = stage.tally.counts((receipt) => receipt.phase === phase && receipt.chain === name);
    const { records, delivered, degraded, deferred } = counts;
    return records === 0 ? [] : [{ chain: name, records, delivered, degraded, deferred }];
  });
}

/** What was changed, most cells first, each with an example; of rounded numbers with the spread of their errors. */
export function lossRows({ entries }: LossReport): readonly TableRow[] {
  const sorted = [...entries].sort((a, b) => b.count - a.count).slice(0, LOSS_ROWS_MAX);
  const hasErrors = sorted.some(({ error }) => error !== undefined);
  return sorted.map(({ field, kind, lossless, count, error, samples: [sample] }) => {
    const example = sample ? `${sample.before} → ${sample.after}` : '';
    const spread = hasErrors ? { 'largest error': showErrors(error) } : {};
    return { field, change: kind, lossy: lossless ? 'no' : 'yes', cells: count, ...spread, example };
  });
}

/** What no rule could take, most cells first, each with an example. */
export function refusedRows({ refused = [] }: LossReport): readonly TableRow[] {
  const sorted = [...refused].sort((a, b) => b.count - a.count).slice(0, LOSS_ROWS_MAX);
  return sorted.map(({ field, kind, count, samples: [sample] }) => ({
    field,
    'refused for': kind,
    cells: count,
    example: sample?.before ?? '',
  }));
}

function pathOf(stage: Stage, { chain, ref }: StoredObject): string {
  const dir = stage.script.chains.find(({ name }) => name === chain)?.dir ?? '';
  return stage.shown(join(dataDirectory(dir).objects, ref));
}

function totals(objects: readonly StoredObject[]): readonly TableRow[] {
  const [rows, bytes] = [objects.map((object) => object.rows), objects.map((object) => object.bytes)];
  return [{ objects: objects.length, records: sum(rows), size: formatBytes(sum(bytes)) }];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Batches of the outage by the reason they were kept raw for, and how long the engine was busy with one. */
function reasonRows(stage: Stage): readonly TableRow[] {
  const byReason = new Map<string, ReceiptMessage[]>();
  for (const receipt of stage.tally.receipts) {
    if (receipt.phase !== 'outage') continue;
    const reason = receipt.left.at(-1)?.reason ?? 'delivered';
    byReason.set(reason, [...(byReason.get(reason) ?? []), receipt]);
  }
  return [...byReason].map(([reason, receipts]) => {
    const times = receipts.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)] ?? 0;
    return { reason, batches: receipts.length, 'median time per batch': `${median.toFixed(1)} ms` };
  });
}
