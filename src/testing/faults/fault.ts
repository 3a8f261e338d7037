/** What a network can do to one exchange, as data. */

export type Fault =
  /** The connection is reset as soon as it is made, or at once when it is there: nothing is passed on. */
  | { readonly kind: 'refuse' }
  /** Reset after this many bytes of the request were passed on. @default 0 */
  | { readonly kind: 'reset'; readonly afterBytes?: number }
  /** Nothing is passed on and nothing is answered; the connection stays. */
  | { readonly kind: 'black-hole' }
  /** The request is passed on whole; the first bytes of the reply reset the connection instead of being passed. */
  | { readonly kind: 'drop-reply' }
  /** The request is passed on whole; the reply is swallowed, and nobody is told that the other side is gone. */
  | { readonly kind: 'half-open' }
  /** The reply comes in pieces of `bytes` (1), one every `everyMs` (10). */
  | { readonly kind: 'slow-drip'; readonly bytes?: number; readonly everyMs?: number }
  /** Both ways together no more than this. */
  | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number };

export type FaultKind = Fault['kind'];

/** A fault that befalls a share of the exchanges, from 0 to 1. */
export interface FaultShare {
  readonly fault: Fault;
  readonly share: number;
}
