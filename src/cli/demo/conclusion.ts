/** The last scene: the proof on the terminal, and the whole run as one HTML report. */
import { stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { dataDirectory } from '../../assembly/data-directory.ts';
import { sqliteSink } from '../../assembly/local-sinks.ts';
import type { Chain } from '../../chain/chain.ts';
import { compileSchema } from '../../schema/compile-schema.ts';
import { fromJsonSchema } from '../../schema/declare/from-json-schema.ts';
import { describeChain } from '../describe.ts';
import { formatCount, formatDuration } from '../format.ts';
import { deferredLedgerRows } from '../ledger-table.ts';
import { type CompletenessLine, type LedgerEquation, type ReportFile, renderReport } from '../report.ts';
import type { TableRow } from '../table.ts';
import type { ChainProof } from './proof.ts';
import type { Script } from './script.ts';
import type { Stage } from './stage.ts';

const FAULTS_SHOWN = 10;

/** The ledgers, from the outside and from the inside. @returns whether everything balances */
export function showProof(stage: Stage, proofs: readonly ChainProof[]): boolean {
  const { terminal } = stage;
  stage.table(proofs.map(outsideRow), 'The ledger, read from outside: every source record, where it is now');
  stage.table(proofs.map(receiptRow), 'The ledger of the receipts: every batch once, as it was acknowledged');
  stage.table(
    proofs.flatMap(({ chain, report }) => deferredLedgerRows(report).map((row) => ({ chain, ...row }))),
    'What became of the deferred rows (a row that was stored twice across the kill is "already held")',
  );
  stage.table(proofs.map(completenessRow), 'Completeness of the stored objects');
  const faults = faultsOf(proofs);
  if (faults.length > 0) {
    const shown = faults.slice(0, FAULTS_SHOWN).map((fault) => `  - ${fault}`);
    const more = faults.length > FAULTS_SHOWN ? [`  … and ${faults.length - FAULTS_SHOWN} more`] : [];
    terminal.note(['', 'What is wrong:', ...shown, ...more].join('\n'));
  }
  return faults.length === 0;
}

function faultsOf(proofs: readonly ChainProof[]): readonly string[] {
  return proofs.flatMap(({ chain, faults }) => faults.map((fault) => `${chain}: ${fault}`));
}

function outsideRow({ chain, records, verbatim, coerced, quarantined, missing, faults }: ChainProof): TableRow {
  return {
    chain,
    'source records': records,
    'in the sink as sent': verbatim,
    'in the sink coerced': coerced,
    'in quarantine': quarantined,
    nowhere: missing.length,
    balanced: faults.length === 0 ? 'yes' : 'NO',
  };
}

function receiptRow({ chain, records, receipts }: ChainProof): TableRow {
  const { delivered, degraded, deferred, rejected } = receipts;
  const unaccounted = records - delivered - degraded - deferred - rejected;
  return { chain, 'source records': records, delivered, degraded, deferred, rejected, unaccounted };
}

function completenessRow({ chain, report }: ChainProof): TableRow {
  const proofs = report.perObject.flatMap(({ settlement }) => (settlement ? [settlement.proof] : []));
  return {
    chain,
    objects: report.objects,
    settled: report.settled,
    'read back from the sink': proofs.filter(({ checked }) => checked === 'lookup').length,
    'equal digests': proofs.filter(({ sinkDigest, sourceDigest }) => sinkDigest === sourceDigest).length,
    'missing keys': proofs.reduce((sum, { missing }) => sum + missing.length, 0),
  };
}

export interface ReportOptions {
  readonly out: string;
  readonly title: string;
  readonly howToLook: readonly string[];
}

/** @returns the path of the report */
export async function writeReport(
  stage: Stage,
  proofs: readonly ChainProof[],
  { out, title, howToLook }: ReportOptions,
): Promise<string> {
  const faults = faultsOf(proofs);
  if (faults.length > 0) {
    const text = faults.slice(0, FAULTS_SHOWN).join('; ');
    stage.scenes.push({ title: 'What is wrong', text, atMs: stage.elapsedMs });
  }
  const chain = drawnChain(stage.script, stage.warehouse);
  const path = join(out, 'report.html');
  const html = renderReport({
    title,
    summary: `${stage.script.about} The run took ${formatDuration(stage.elapsedMs)}.`,
    graph: chain.graph(),
    chainMermaid: chain.toMermaid(),
    timeline: stage.tally.timeline,
    loss: stage.tally.loss(),
    ledger: equations(proofs),
    completeness: proofs.flatMap(completenessLines),
    files: await filesOf(stage, out),
    scenes: stage.scenes,
    howToLook,
  });
  await writeFile(path, html);
  return path;
}

/** All chains of the demo have one shape, so any of them can be drawn. */
function drawnChain({ chains }: Script, warehouse: string): Chain {
  const [{ name, schema: document, table }] = chains as readonly [Script['chains'][number]];
  const schema = compileSchema(fromJsonSchema(document));
  const sink = sqliteSink({ file: warehouse, table });
  return describeChain({ chain: name, sink, schema, config: undefined });
}

/** The whole first, which is what the report's verdict names; then each chain, as it looks from outside. */
function equations(proofs: readonly ChainProof[]): readonly LedgerEquation[] {
  const sum = (count: (proof: ChainProof) => number): number =>
    proofs.reduce((total, proof) => total + count(proof), 0);
  const stored = (count: (report: ChainProof['report']) => number): number =>
    sum(({ report }) => count(report));
  const total = { label: 'source records', records: sum(({ records }) => records) };
  const whole: LedgerEquation[] = [
    outsideEquation('Read from outside', proofs),
    {
      title: 'By the receipts',
      total,
      parts: (['delivered', 'degraded', 'deferred', 'rejected'] as const).map((label) => {
        return { label, records: sum(({ receipts }) => receipts[label]) };
      }),
    },
    {
      title: 'What was stored raw',
      total: { label: 'rows in the stores', records: stored(({ rows }) => rows) },
      parts: [
        { label: 'delivered by replay', records: stored(({ delivered }) => delivered) },
        { label: 'degraded by replay', records: stored(({ degraded }) => degraded) },
        { label: 'already held by the sink', records: stored(({ alreadyHeld }) => alreadyHeld) },
        { label: 'in quarantine', records: stored(({ quarantined }) => quarantined) },
        { label: 'still waiting', records: stored(({ pending }) => pending) },
      ],
    },
  ];
  const faults = faultsOf(proofs).length;
  // Faults may cancel out in a sum, such as a missing row and a strange one; here they cannot.
  if (faults > 0) {
    const parts = [{ label: 'faults found', records: faults }];
    whole.unshift({ title: 'Faults of the proof', total: { label: 'faults allowed', records: 0 }, parts });
  }
  const each = proofs.length > 1 ? proofs.map((proof) => outsideEquation(`Only ${proof.chain}`, [proof])) : [];
  return [...whole, ...each];
}

function outsideEquation(title: string, proofs: readonly ChainProof[]): LedgerEquation {
  const sum = (count: (proof: ChainProof) => number): number =>
    proofs.reduce((total, proof) => total + count(proof), 0);
  const strange = sum((proof) => proof.strange);
  return {
    title,
    total: { label: 'source records', records: sum(({ records }) => records) },
    parts: [
      { label: 'in the sink, as sent', records: sum(({ verbatim }) => verbatim) },
      { label: 'in the sink, coerced', records: sum(({ coerced }) => coerced) },
      { label: 'in quarantine', records: sum(({ quarantined }) => quarantined) },
      ...(strange > 0 ? [{ label: 'rows of no source record', records: strange }] : []),
    ],
  };
}

function completenessLines({ report }: ChainProof): CompletenessLine[] {
  return report.perObject.map(({ ref, rows, settlement, missing, state }) => {
    const lost = settlement?.proof.missing ?? [];
    const count = state === 'settled' ? lost.length : Math.max(missing, rows);
    return { ref, records: rows, found: rows - count, missing: lost };
  });
}

async function filesOf({ script, warehouse, tally }: Stage, out: string): Promise<readonly ReportFile[]> {
  const shown = (path: string): string => relative(out, path);
  const database = { path: shown(warehouse), bytes: (await stat(warehouse)).size };
  const objects = script.chains.map(({ name, dir }) => {
    const own = tally.objects.filter(({ chain }) => chain === name);
    return {
      path: `${shown(dataDirectory(dir).objects)}/chain=${name}/`,
      bytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
      description: `${formatCount(own.length)} Parquet objects with raw rows of ${name}, and their settlements`,
    };
  });
  const tables = script.chains.map(({ table }) => table).join(', ');
  return [{ ...database, description: `The sink: tables ${tables}` }, ...objects];
}
