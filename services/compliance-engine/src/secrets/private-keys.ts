import type { Span } from './find-secrets.ts';

/** Private keys in PEM (RSA, EC, OpenSSH, SSH2, PKCS #8) and OpenPGP armour, whole or torn; those of PuTTY, of age, and in JWK. */

const marker = /-{4,5} ?(?<side>BEGIN|END) (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)? ?-{4,5}/g;

/** Those that no marker begins and ends. */
const unmarked = [
  /Private-Lines: \d{1,4}\s{1,4}(?<secret>(?:[A-Za-z0-9+/]{64}\s{1,4})*[A-Za-z0-9+/=]{4,64})/dg,
  /AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}/dg,
  /"(?:d|p|q|dp|dq|qi|k)"\s{0,4}:\s{0,4}"(?<secret>[A-Za-z0-9_-]{40,})"/dg,
];

/** Longer than any key; beyond it a BEGIN and an END do not belong together. */
const longestKey = 32_768;

/**
 * What follows a BEGIN: headers of the key, then base64 in lines, broken by real or written-out line ends, by the quotes of
 * a program's text or the marks of a quoted mail.
 */
const keyLines = /(?:[\s>]|\\[nr])*(?:[A-Z][A-Za-z-]{1,30}: [^\n]{1,200}\n[\s>]*)*(?:[A-Za-z0-9+/=]{16,200}(?:[\s"',>]|\\[nr])*)+/y;
const keyLine = /^[A-Za-z0-9+/=]+$/;
const shortestLine = 16;

/** A BEGIN with the END that follows; either alone with the key's lines on its side. */
export function* findPrivateKeys(text: string): Generator<Span> {
  for (const pattern of unmarked) {
    for (const match of text.matchAll(pattern)) {
      const places = match.indices as RegExpIndicesArray; // all of them have the flag
      const [start, end] = (places.groups?.secret ?? places[0]) as [number, number];
      yield { start, end };
    }
  }
  const markers = [...text.matchAll(marker)].map((match) => ({
    isBegin: match.groups?.side === 'BEGIN',
    start: match.index,
    end: match.index + match[0].length,
  }));
  let covered = 0;
  for (const [index, { isBegin, start, end }] of markers.entries()) {
    if (start < covered) continue;
    const next = markers[index + 1];
    if (!isBegin) yield { start: startOfLines(text, Math.max(covered, start - longestKey), start), end };
    else if (next && !next.isBegin && next.end - start <= longestKey) yield { start, end: next.end };
    else yield { start, end: endOfLines(text, end) };
    covered = isBegin && next && !next.isBegin && next.end - start <= longestKey ? next.end : end;
  }
}

function endOfLines(text: string, from: number): number {
  keyLines.lastIndex = from;
  return keyLines.test(text) ? keyLines.lastIndex : from;
}

/** Back over whole lines; short ones count only between long ones, so that no word of a sentence is taken for a key. */
function startOfLines(text: string, from: number, to: number): number {
  const before = text.slice(from, to);
  let start = before.length;
  let lineEnd = before.length;
  while (lineEnd > 0) {
    const lineStart = before.lastIndexOf('\n', lineEnd - 1) + 1;
    const line = before
      .slice(lineStart, lineEnd)
      .replace(/^[\s>]+/, '')
      .trim();
    if (line !== '' && !keyLine.test(line)) break;
    if (line.length >= shortestLine) start = lineStart;
    lineEnd = lineStart - 1;
  }
  return from + start;
}
