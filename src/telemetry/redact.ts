/**
 * Keeps secrets out of logs, errors and pages. It would rather hide a harmless word than show a secret.
 */

/** What stands in for a secret. */
export const REDACTED = '[redacted]';

const SECRET_WORD =
  'pass(?:word|wd|phrase)?|pwd|secret|token|authori[sz]ation|credentials?|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|encryption[-_ ]?key|cookie|signature';
const SECRET_KEY = new RegExp(`(?:^|[^a-z])(?:${SECRET_WORD})s?(?:$|[^a-z])`, 'i');

/** Text that carries a secret by its own shape. Repetitions are bounded, so hostile text cannot make it slow. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // Credentials in a URL, also with "/" or "@" inside the password: up to the last "@" of the word.
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s"'<>@/:]{0,256}:[^\s"'<>]{0,512}@/gi, `$1${REDACTED}@`],
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s"'<>@/]{1,512}@/gi, `$1${REDACTED}@`],
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]{0,8192}?(?:-----END [A-Z ]{0,40}-----|$)/g, REDACTED],
  [/\b(Bearer|Basic|Token|Digest|AWS4-HMAC-SHA256)\s+[^\s"',;]{4,2048}/gi, `$1 ${REDACTED}`],
  [/\beyJ[\w-]{8,4096}\.[\w-]{4,4096}\.[\w-]{0,4096}/g, REDACTED],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,32}\b/g, REDACTED],
  // `password=x`, `"token": "x"`, `?X-Amz-Signature=x`, `secret: x`.
  [
    new RegExp(
      `((?:${SECRET_WORD})s?[\\w-]{0,32}\\\\{0,8}["']?\\s{0,8}[=:]\\s{0,8})(?!\\[redacted\\])` +
        `("(?:[^"\\\\]|\\\\.){0,2048}"?|(\\\\{1,8})"[\\s\\S]{0,2048}?(?:(?<!\\\\)\\3"|$)|'[^']{0,2048}'?|[^\\s"'&,;}]{1,2048})`,
      'gi',
    ),
    `$1${REDACTED}`,
  ],
];

/** `accessKeyId` and `ACCESS_KEY_ID` as words: `access-Key-Id`, `ACCESS_KEY_ID`. */
function splitWords(key: string): string {
  return key.replace(/([a-z0-9])(?=[A-Z])/g, '$1-');
}

/** Whether a field of this name holds a secret: `password`, `apiKey`, `x-auth-token` … */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(splitWords(key.slice(0, 256)));
}

/** The text with everything that looks like a secret replaced; `known` secrets go too, whatever they look like. */
export function redact(text: string, known: readonly string[] = []): string {
  let clean = text;
  for (const secret of known) if (secret !== '') clean = clean.replaceAll(secret, REDACTED);
  for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
  return clean;
}
