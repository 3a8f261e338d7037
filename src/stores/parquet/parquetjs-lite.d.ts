/** What Tierfall uses of parquetjs-lite, which has no types of its own. */
declare module 'parquetjs-lite' {
  export interface Field {
    readonly type: 'INT64' | 'TIMESTAMP_MILLIS' | 'UTF8' | 'BYTE_ARRAY';
    readonly optional?: boolean;
    readonly compression?: 'UNCOMPRESSED' | 'GZIP' | 'SNAPPY';
    readonly statistics?: false;
  }

  export class ParquetSchema {
    constructor(fields: Readonly<Record<string, Field>>);
  }

  /** Calls back at once in a sink that is memory. */
  export interface Sink {
    write(bytes: Uint8Array, done: (error?: Error) => void): void;
    end(done: (error?: Error) => void): void;
    close?(done: (error?: Error) => void): void;
  }

  export class ParquetWriter {
    static openStream(
      schema: ParquetSchema,
      sink: Sink,
      options: { readonly useDataPageV2: boolean; readonly pageIndex: boolean; readonly rowGroupSize: number },
    ): Promise<ParquetWriter>;
    setMetadata(key: string, value: string): void;
    setRowGroupSize(rows: number): void;
    appendRow(row: Readonly<Record<string, unknown>>): Promise<void>;
    close(): Promise<void>;
  }
}
