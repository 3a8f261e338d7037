/** How the points of a body are written: which columns in which order and section. Learned from one point. */
import { TOKEN, TOKEN_STRIDE, type Tokens } from '../../codecs/tokens.ts';

const SPACE = 32;

export interface PointMember {
  readonly column: number;
  readonly section: 'measurement' | 'tag' | 'field' | 'time';
  /** As it is spelled in the body, with its escapes; empty for measurement and time. */
  readonly name: string;
  /** Whether it is the first of its section, behind a space. */
  readonly isFirst: boolean;
}

/** The members of a point in the order of the text. */
export type PointLayout = readonly PointMember[];

/** Names hold no line ends, so that they keep the members apart. */
export function pointLayoutId(layout: PointLayout): string {
  return `points\n${layout.map(({ column, section, name }) => `${column} ${section} ${name}`).join('\n')}`;
}

/** The layout of the point whose tokens these are, with the column of each token. */
export function learnPoint(body: Uint8Array, tokens: Tokens, columns: readonly number[]): PointLayout {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  let section: PointMember['section'] = 'tag';
  return columns.map((column, token) => {
    const [start = 0, end = 0, kind] = tokens.data.subarray(token * TOKEN_STRIDE);
    if (start < 0) {
      return { column, section: kind === TOKEN.time ? 'time' : 'measurement', name: '', isFirst: true };
    }
    const isFirst = section === 'tag' && body[start - 1] === SPACE;
    if (isFirst) section = 'field';
    return { column, section, name: text.toString('utf8', start, end), isFirst };
  });
}
