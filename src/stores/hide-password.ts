/** A text in which something may stand where a URL has its password, with that left out: for messages. More may go. */
export function hidePassword(text: string): string {
  return text.replaceAll(/\/\/\S*@/g, '//…@');
}
