/** Multipart uploads of one bucket: open until they are completed or aborted. */
import { createHash, randomBytes } from 'node:crypto';
import { keptHeaders, type S3Answer, type S3Bucket, type S3Quirks, wholeChecksums } from './s3-bucket.ts';
import { S3Failure } from './s3-failure.ts';
import type { S3Request } from './s3-request.ts';
import { textsOf, unescapeText, type XmlElement } from './s3-xml.ts';

const PART_BYTES_MIN = 5 * 1024 * 1024;

interface Part {
  readonly etag: string;
  readonly body: Buffer;
}

interface Upload {
  readonly key: string;
  /** Changed by tests that need an old one. */
  initiatedMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly algorithm: string | undefined;
  readonly parts: Map<number, Part>;
}

export class S3Uploads {
  readonly open = new Map<string, Upload>();
  readonly #bucket: S3Bucket;

  constructor(bucket: S3Bucket) {
    this.#bucket = bucket;
  }

  /** Bytes of parts that nobody has completed or aborted: what a real bucket is billed for. */
  get orphanBytes(): number {
    const parts = [...this.open.values()].flatMap((upload) => [...upload.parts.values()]);
    return parts.reduce((sum, { body }) => sum + body.length, 0);
  }

  /** Makes every open upload look older. */
  age(byMs: number): void {
    for (const upload of this.open.values()) upload.initiatedMs -= byMs;
  }

  create({ bucket, key, headers }: S3Request): S3Answer {
    const id = randomBytes(12).toString('hex');
    this.open.set(id, {
      key,
      initiatedMs: Date.now(),
      headers: keptHeaders(headers),
      algorithm: headers['x-amz-checksum-algorithm'],
      parts: new Map(),
    });
    return {
      body: [
        'InitiateMultipartUploadResult',
        [
          ['Bucket', bucket],
          ['Key', key],
          ['UploadId', id],
        ],
      ],
    };
  }

  addPart(request: S3Request): S3Answer {
    const upload = this.#find(request);
    const etag = createHash('md5').update(request.body).digest('hex');
    upload.parts.set(Number(request.query.get('partNumber')), { etag, body: request.body });
    return { headers: { etag: `"${etag}"`, ...request.checksums } };
  }

  complete(request: S3Request, quirks: S3Quirks): S3Answer {
    const upload = this.#find(request);
    const { bucket, key, headers } = request;
    const parts = chosenParts(upload, request.body.toString());
    this.#bucket.checkAbsent(key, headers, quirks.conditionalComplete);
    const body = Buffer.concat(parts.map((part) => part.body));
    const digests = Buffer.concat(parts.map((part) => Buffer.from(part.etag, 'hex')));
    const etag = `${createHash('md5').update(digests).digest('hex')}-${parts.length}`;
    const checksums = wholeChecksums(upload.algorithm, body);
    this.#bucket.store({ key, body, etag, headers: upload.headers, checksums });
    this.open.delete(request.query.get('uploadId') ?? '');
    return {
      body: [
        'CompleteMultipartUploadResult',
        [
          ['Bucket', bucket],
          ['Key', key],
          ['ETag', `"${etag}"`],
        ],
      ],
    };
  }

  abort(request: S3Request): S3Answer {
    this.#find(request);
    this.open.delete(request.query.get('uploadId') ?? '');
    return { status: 204 };
  }

  listParts(request: S3Request): S3Answer {
    const parts = [...this.#find(request).parts].sort(([a], [b]) => a - b);
    return {
      body: [
        'ListPartsResult',
        [['IsTruncated', false], ...parts.map(([number, { body }]) => partElement(number, body.length))],
      ],
    };
  }

  /** One upload per page, so that whoever lists them has to turn pages. */
  list({ query }: S3Request): S3Answer {
    const prefix = query.get('prefix') ?? '';
    const marker = query.get('upload-id-marker') ?? '';
    const all = [...this.open].filter(([, { key }]) => key.startsWith(prefix));
    const from = all.findIndex(([id]) => id === marker) + 1;
    const page = all.slice(from, from + 1);
    const [last] = page;
    return {
      body: [
        'ListMultipartUploadsResult',
        [
          ['IsTruncated', from + page.length < all.length],
          ...(last ? [['NextKeyMarker', last[1].key] as const, ['NextUploadIdMarker', last[0]] as const] : []),
          ...page.map(([id, upload]) => uploadElement(id, upload)),
        ],
      ],
    };
  }

  #find({ query, key }: S3Request): Upload {
    const upload = this.open.get(query.get('uploadId') ?? '');
    if (upload?.key !== key) throw new S3Failure('NoSuchUpload');
    return upload;
  }
}

function partElement(number: number, bytes: number): XmlElement {
  return [
    'Part',
    [
      ['PartNumber', number],
      ['Size', bytes],
    ],
  ];
}

function uploadElement(id: string, { key, initiatedMs }: Upload): XmlElement {
  return [
    'Upload',
    [
      ['Key', key],
      ['UploadId', id],
      ['Initiated', new Date(initiatedMs).toISOString()],
    ],
  ];
}

/** The parts that a request to complete names, in order. */
function chosenParts(upload: Upload, xml: string): readonly Part[] {
  const named = textsOf(xml, 'Part').map((part) => ({
    number: Number(textsOf(part, 'PartNumber')[0]),
    etag: unescapeText(textsOf(part, 'ETag')[0] ?? '').replaceAll('"', ''),
  }));
  if (named.length === 0) throw new S3Failure('MalformedXML');
  return named.map(({ number, etag }, index) => {
    const part = upload.parts.get(number);
    const isAscending = index === 0 || number > (named[index - 1]?.number ?? 0);
    if (part?.etag !== etag || !isAscending) throw new S3Failure('InvalidPart');
    if (index < named.length - 1 && part.body.length < PART_BYTES_MIN) throw new S3Failure('EntityTooSmall');
    return part;
  });
}
