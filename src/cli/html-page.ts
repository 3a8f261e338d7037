/** The frame of every HTML file that is written: complete by itself, loads nothing, runs nothing. */
import { createHash } from 'node:crypto';
import { type Html, html } from './html.ts';
import { REPORT_CSS } from './report-style.ts';

/** A whole page as text. Its content security policy allows the style sheet and nothing else. Pure. */
export function htmlPage(title: string, body: Html): string {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(REPORT_CSS).digest('base64')}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  // The style goes in as it is: escaping it would change the bytes that the policy allows.
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
${html`<title>${title}</title>`.text}
<style>${REPORT_CSS}</style>
</head>
<body>
${body.text}
</body>
</html>
`;
}
