/** Text on a terminal: what it may hold, and how wide it is. */

/** Text with control characters and line ends made visible, so that data cannot draw. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (char === '\n') return '\\n';
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** Columns that a text takes: wide characters take two, combining marks none. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) {
    if (/\p{Mn}/u.test(char)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
        char,
      )
        ? 2
        : 1;
  }
  return width;
}

/** The start of a text that fits into `width` columns, with an ellipsis when something was left off. */
export function clip(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const char of text) {
    used += textWidth(char);
    if (used > width - 1) break;
    kept += char;
  }
  return `${kept}…`;
}
