import { estimateTokens } from '@bluefly/vast-workload';

/**
 * A document as passages: what a ranking model reads at once and an auditor reads as one piece of evidence. Paragraphs,
 * a heading with what follows it, long paragraphs cut where a sentence ends.
 */

/** UTF-16 units of the document: the first, and the one after the last. */
export interface PassageSpan {
  start: number;
  end: number;
}

/** Shorter paragraphs (headings, items of a list) go with the next one. UTF-16 units. */
const shortest = 120;
/** With a requirement beside it a passage has to fit into the 512 tokens of the usual rerankers. */
const longest = { units: 1_000, tokens: 256 };

/**
 * In order, without overlap, blanks trimmed: every character that is no blank is in one of them. None is empty, is over
 * the longest, or cuts a surrogate pair.
 */
export function splitPassages(text: string): PassageSpan[] {
  return joinShort(paragraphs(text)).flatMap((span) => [...cutLong(text, span)]);
}

/** What blank lines separate. */
function paragraphs(text: string): PassageSpan[] {
  const spans: PassageSpan[] = [];
  let start = 0;
  for (const { 0: gap, index } of text.matchAll(/\n[^\S\n]*\n\s*/g)) {
    spans.push({ start, end: index });
    start = index + gap.length;
  }
  spans.push({ start, end: text.length });
  return spans.map((span) => trimmed(text, span)).filter(({ start, end }) => end > start);
}

function joinShort(spans: readonly PassageSpan[]): PassageSpan[] {
  const joined: PassageSpan[] = [];
  let open: PassageSpan | undefined;
  for (const { start, end } of spans) {
    open = { start: open?.start ?? start, end };
    if (open.end - open.start < shortest) continue;
    joined.push(open);
    open = undefined;
  }
  if (open) joined.push(open);
  return joined;
}

function* cutLong(text: string, { start, end }: PassageSpan): Generator<PassageSpan> {
  let from = start;
  while (from < end) {
    const room = roomFrom(text, from, end);
    const to = room >= end ? end : endOfSentence(text, from, room);
    const piece = trimmed(text, { start: from, end: to });
    if (piece.end > piece.start) yield piece;
    from = to;
  }
}

/** How far a passage that begins here may go. */
function roomFrom(text: string, from: number, end: number): number {
  let units = longest.units;
  while (estimateTokens(text.slice(from, Math.min(end, from + units))) > longest.tokens) units /= 2;
  return Math.min(end, from + units);
}

/** The last end of a sentence or line in the second half of the room; else the last blank; else where the room ends. */
function endOfSentence(text: string, from: number, room: number): number {
  const half = from + Math.ceil((room - from) / 2);
  const rest = text.slice(half, room);
  for (const ending of [/.*(?:[.!?](?=\s)|[。！？]|\n)/s, /.*\s/s]) {
    const found = ending.exec(rest);
    if (found) return half + found[0].length;
  }
  return isSecondOfPair(text, room) ? room - 1 : room;
}

const isSecondOfPair = (text: string, at: number) => /[\udc00-\udfff]/.test(text[at] ?? '') && /[\ud800-\udbff]/.test(text[at - 1] ?? '');

function trimmed(text: string, { start, end }: PassageSpan): PassageSpan {
  const piece = text.slice(start, end);
  const from = start + (piece.length - piece.trimStart().length);
  return { start: from, end: Math.max(from, start + piece.trimEnd().length) };
}
