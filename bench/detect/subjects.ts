/** What looks at parsed records: ours, and what one would write or take instead. */
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { DriftDetector } from '../../src/schema/drift/drift-detector.ts';
import { compileMask, type ParsedRecord } from '../../src/schema/drift/record-mask.ts';
import { ShapeTracker } from '../../src/schema/drift/shape-tracker.ts';
import { planFields } from '../../src/schema/schema-plan.ts';
import { telemetrySchema } from '../telemetry-records.ts';

/** Looks at some records. Each subject has a loop of its own, as in life: one for all would call each of them slowly. */
export type Look = (records: readonly ParsedRecord[]) => void;

export interface Subject {
  readonly label: string;
  /** Name of the ratio that is quoted; undefined for what stands beside for comparison. */
  readonly ratio: string;
  make(): Look;
}

/** One record in so many is looked at when sampling. */
const EVERY = 16;

const INT32 = { type: ['integer', 'null'], minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
const NUMBER = { type: ['number', 'null'] };
const TEXT = { type: ['string', 'null'] };

function ajvLook(): Look {
  const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
  addFormats.default(ajv);
  const properties = {
    id: INT32,
    ts: { ...TEXT, format: 'date-time' },
    device: TEXT,
    temp: NUMBER,
    hum: NUMBER,
    count: INT32,
    big: { type: ['integer', 'null'] },
    ok: { type: ['boolean', 'null'] },
    status: TEXT,
    meta: {},
  };
  const validate = ajv.compile({
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  });
  return (records) => {
    for (const record of records) validate(record);
  };
}

/** A map of `path: type` to counts, as one writes it first. */
function naiveLook(): Look {
  const counts = new Map<string, number>();
  const visit = (value: unknown, path: string): void => {
    const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
    const key = `${path}:${type}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (Array.isArray(value)) for (const element of value) visit(element, `${path}[]`);
    else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) visit(member, `${path}.${name}`);
    }
  };
  return (records) => {
    for (const record of records) visit(record, '');
  };
}

function maskLook(canGenerate: boolean): Look {
  const mask = compileMask(planFields(telemetrySchema()), { canGenerate });
  const words = new Int32Array(mask.wordCount);
  return (records) => {
    for (const record of records) mask.test(record, words);
  };
}

function detectorLook(): Look {
  const detector = new DriftDetector(planFields(telemetrySchema()));
  let row = 0;
  return (records) => {
    for (const record of records) {
      detector.add(record, row);
      row += 1;
    }
  };
}

function trackerLook(every: number): Look {
  const tracker = new ShapeTracker({ every });
  return (records) => {
    for (const record of records) tracker.add(record);
  };
}

export const SUBJECTS: readonly Subject[] = [
  { label: 'shapes of every record', ratio: 'fingerprintVsParse', make: () => trackerLook(1) },
  { label: `shapes of 1 record in ${EVERY}`, ratio: 'sampledVsParse', make: () => trackerLook(EVERY) },
  { label: 'strict check as a mask', ratio: 'maskVsParse', make: () => maskLook(true) },
  { label: 'same, without code generation', ratio: 'closureMaskVsParse', make: () => maskLook(false) },
  { label: 'drift report', ratio: 'driftReportVsParse', make: detectorLook },
  { label: 'map of path:type (peer)', ratio: 'naiveMapVsParse', make: naiveLook },
  { label: 'Ajv, all errors (peer)', ratio: 'ajvVsParse', make: ajvLook },
];
