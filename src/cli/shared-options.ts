/** Options that several commands share, so that they are spelled and explained once. */
import { INPUT_FORMATS } from '../ingress/files.ts';
import { LOG_LEVELS } from '../telemetry/logger.ts';

export const PIPELINE_OPTIONS = {
  config: {
    type: 'text',
    short: 'c',
    placeholder: 'FILE',
    description: 'Config module; tierfall.config.ts of this directory is found by itself.',
  },
  dir: {
    type: 'text',
    placeholder: 'DIR',
    description: 'Data directory: journal, raw objects, queue. Default .tierfall, or as configured.',
  },
  sink: {
    type: 'text',
    placeholder: 'SPEC',
    description:
      'Where records go: sqlite:FILE, influx:http://HOST:8086?db=NAME, or http://… for any endpoint.',
  },
  store: {
    type: 'text',
    placeholder: 'SPEC',
    description:
      'Where raw objects rest: s3://BUCKET/PREFIX?endpoint=…&region=…, or fs:DIR. Default: objects of the data directory; then kept.',
  },
  queue: {
    type: 'text',
    placeholder: 'URL',
    description:
      'Where jobs wait for workers on many machines: redis://HOST:PORT/DB?namespace=NAME. Default: the data directory; then kept, without its password.',
  },
  keys: {
    type: 'text',
    placeholder: 'FILE',
    description:
      'Keys under which records are encrypted at rest: a JSON list of {"id", "key"}, or an object of id to key, each key 64 hex digits. The last one is used for new data.',
  },
  table: {
    type: 'text',
    placeholder: 'NAME',
    description: 'Table of the sink. Default: the name of the input file.',
  },
  schema: {
    type: 'text',
    placeholder: 'FILE',
    description: 'JSON Schema of the records. Default: inferred from the first batch, then kept.',
  },
  tolerance: {
    type: 'text',
    placeholder: 'SHARE',
    description:
      'Part of the cells that may mismatch, 0 to 1; drifted rows of worse batches are kept raw. Default 0.25, or 0.9 for an inferred schema; then kept.',
  },
} as const;

export const OUTPUT_OPTIONS = {
  json: { type: 'flag', description: 'One JSON line per message instead of text.' },
} as const;

export const SERVICE_OPTIONS = {
  metrics: {
    type: 'integer',
    placeholder: 'PORT',
    description: 'Serve /metrics and /healthz on 127.0.0.1:PORT; 0 takes a free port.',
  },
  'log-level': {
    type: 'text',
    placeholder: 'LEVEL',
    choices: LOG_LEVELS,
    default: 'warn',
    description: 'Structured log lines on stderr.',
  },
} as const;

export const FORMAT_OPTION = {
  type: 'text',
  placeholder: 'FORMAT',
  choices: INPUT_FORMATS,
  description: 'Format of the input. Default: by the ending of its name.',
} as const;

export const RECORD_BYTES_OPTION = {
  type: 'bytes',
  placeholder: 'SIZE',
  default: '64MiB',
  min: 1,
  description: 'Longest record that is read; of Arrow and Parquet, the longest file.',
} as const;
