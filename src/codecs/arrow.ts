/** What the codec of Arrow IPC needs of apache-arrow. The only file of this folder that names it. */
export {
  type Data,
  DataType,
  DateUnit,
  type Field,
  Message,
  type MetadataVersion,
  makeData,
  Precision as FloatWidth,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimeUnit as ArrowTimeUnit,
  Vector as ArrowVector,
} from 'apache-arrow';

// The schema of a file is in its footer, which the library decodes and does not name in its index.
export { Footer } from 'apache-arrow/ipc/metadata/file';
