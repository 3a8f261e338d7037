/** The story, scene by scene. Each scene does what it says, on real files, and shows what came of it. */
import { join } from 'node:path';
import { dataDirectory } from '../../assembly/data-directory.ts';
import { lossTable } from '../../schema/loss-report.ts';
import { formatBytes, formatCount } from '../format.ts';
import type { TableRow } from '../table.ts';
import type { ReceiptMessage } from './messages.ts';
import type { Phase } from './plan.ts';
import { type Stage, shareOf } from './stage.ts';
import { takeAway } from './warehouse.ts';

/** Tells everything up to the proof; the writer is gone afterwards, however it ends. */
export async function tellStory(stage: Stage): Promise<void> {
  let giveBack = (): void => {};
  try {
    stage.terminal.note(stage.script.about);
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
    await drain(stage);
  } finally {
    giveBack();
    await stage.writer.kill();
  }
}

async function sendClean(stage: Stage, pid: number): Promise<void> {
  stage.scene(
    'Clean batches',
    `${stage.script.words.clean} A pipeline of its own (process ${pid}) sends them to SQLite tables in small batches.`,
  );
  await stage.play('clean');
  stage.terminal.table(dispositionRows(stage, 'clean'));
}

async function sendDrifted(stage: Stage): Promise<void> {
  if (!stage.isAt('drift')) return;
  stage.scene('Drifted batches', stage.script.words.drift);
  await stage.play('drift');
  stage.terminal.table(dispositionRows(stage, 'drift'));
  const loss = stage.tally.loss();
  stage.terminal.note(`\nLoss report: what was changed on the way\n${lossTable(loss)}`);
}

async function sendStrays(stage: Stage): Promise<void> {
  if (!stage.isAt('foreign')) return;
  stage.scene(
    'Beyond tolerance',
    `${stage.script.words.foreign} They are kept raw, byte for byte, as Parquet.`,
  );
  await stage.play('foreign');
  stage.terminal.table(dispositionRows(stage, 'foreign'));
  stage.terminal.table(objectRows(stage, 0), '\nRaw rows, as Parquet objects');
}

async function sendIntoOutage(stage: Stage): Promise<void> {
  const share = shareOf(stage.script, 'outage');
  stage.scene(
    'The sink is taken away',
    `The demo takes SQLite's write lock on the warehouse and keeps it for ${share} % of all records: every write is answered with "database is locked". After three failures a circuit opens, and batches go straight to the journal.`,
  );
  const before = stage.tally.objects.length;
  await stage.play('outage', async (half) => {
    await Promise.race([half, stage.writer.gone]);
    await killAndRestart(stage);
  });
  stage.terminal.table(dispositionRows(stage, 'outage'));
  stage.terminal.table(reasonRows(stage), '\nWhat a dead sink costs');
  const rows = objectRows(stage, before);
  stage.terminal.table(totals(rows), '\nKept raw meanwhile');
}

async function killAndRestart(stage: Stage): Promise<void> {
  const { records } = stage.tally.counts(() => true);
  stage.scene(
    'kill -9, in the middle of the outage',
    `${formatCount(records)} records are acknowledged. The pipeline is killed with SIGKILL and started again: it takes over its directories, finds its checkpoint, and repeats what that does not cover.`,
  );
  await stage.writer.kill();
  const pid = stage.writer.start();
  stage.terminal.note(`Started again as process ${pid}.`);
}

async function comeBack(stage: Stage): Promise<void> {
  if (!stage.isAt('back')) return;
  stage.scene(
    'The sink is back',
    'The lock is released. New batches are delivered again once a probe has closed the circuits, and a worker beside them begins to replay what was deferred.',
  );
  await stage.play('back');
  stage.terminal.table(dispositionRows(stage, 'back'));
}

async function drain(stage: Stage): Promise<void> {
  stage.scene(
    'The worker drains',
    'Everything that was stored raw runs through the same chain again, in order. What still does not fit goes to quarantine, with its reason and its bytes.',
  );
  await stage.drain();
  const { delivered, degraded, alreadyHeld, quarantined } = stage.tally.settled;
  stage.terminal.table([{ delivered, degraded, 'already held': alreadyHeld, quarantined }]);
}

/** One line per chain: where the records of a phase went at once. */
function dispositionRows(stage: Stage, phase: Phase): readonly TableRow[] {
  return stage.script.chains.flatMap(({ name }) => {
    const counts = stage.tally.counts((receipt) => receipt.phase === phase && receipt.chain === name);
    const { records, delivered, degraded, deferred } = counts;
    return records === 0 ? [] : [{ chain: name, records, delivered, degraded, deferred }];
  });
}

function objectRows(stage: Stage, from: number): readonly (TableRow & { records: number })[] {
  return stage.tally.objects.slice(from).map(({ chain, ref, rows, bytes }) => {
    const dir = stage.script.chains.find(({ name }) => name === chain)?.dir ?? '';
    return {
      object: stage.shown(join(dataDirectory(dir).objects, ref)),
      records: rows,
      size: formatBytes(bytes),
    };
  });
}

function totals(rows: readonly { readonly records: number }[]): readonly TableRow[] {
  return [{ objects: rows.length, records: rows.reduce((sum, { records }) => sum + records, 0) }];
}

/** Batches of the outage by the reason they left the first tier with, and how long the engine was busy with one. */
function reasonRows(stage: Stage): readonly TableRow[] {
  const byReason = new Map<string, ReceiptMessage[]>();
  for (const receipt of stage.tally.receipts) {
    if (receipt.phase !== 'outage') continue;
    const reason = receipt.left[0]?.reason ?? 'delivered';
    byReason.set(reason, [...(byReason.get(reason) ?? []), receipt]);
  }
  return [...byReason].map(([reason, receipts]) => {
    const times = receipts.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)] ?? 0;
    return { reason, batches: receipts.length, 'median time per batch': `${median.toFixed(1)} ms` };
  });
}
