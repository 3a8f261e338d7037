/** The little XML that S3 speaks: elements with text, no attributes that matter. */

export type XmlContent = string | number | boolean | readonly XmlElement[];
export type XmlElement = readonly [name: string, content: XmlContent];

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';

export function toXml(root: XmlElement): string {
  return HEAD + element(root);
}

function element([name, content]: XmlElement): string {
  const inner = Array.isArray(content) ? content.map(element).join('') : escapeText(String(content));
  return `<${name}>${inner}</${name}>`;
}

function escapeText(text: string): string {
  return text.replace(/[<>&"'\r\n]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** The texts of all elements of a name, at any depth, in order; nested markup is left in. */
export function textsOf(xml: string, name: string): readonly string[] {
  const found = xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'));
  return [...found].map(([, text = '']) => text);
}

/** A text with its entities replaced. */
export function unescapeText(text: string): string {
  return text
    .replace(/&quot;|&#34;/g, '"')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&apos;/g, "'")
    .replace(/&amp;/g, '&');
}
