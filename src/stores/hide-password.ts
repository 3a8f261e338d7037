/** A text in which something may stand where a URL has its password, with that left out: for messages. */
export function hidePassword(text: string): string {
  return text.replaceAll(/\/\/[^/@]*@/g, '//…@');
}
