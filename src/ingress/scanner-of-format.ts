/** Which scanner cuts which format. */
import { JsonScanner } from '../codecs/json-scanner.ts';
import type { Format } from '../core/batch.ts';
import { CsvScanner } from './csv-scanner.ts';
import { LineProtocolScanner } from './line-protocol-scanner.ts';
import { LineScanner, WholeScanner } from './line-scanner.ts';
import type { RecordScanner } from './record-scanner.ts';

/** A scanner for records of a format; of CSV, for the records after the header. */
export function createRecordScanner(format: Format): RecordScanner {
  switch (format) {
    case 'ndjson':
      return new LineScanner();
    case 'json':
      return new JsonScanner();
    case 'csv':
      return new CsvScanner();
    case 'line-protocol':
      return new LineProtocolScanner();
    default:
      return new WholeScanner();
  }
}
