import { type Span, trimmed } from './span.ts';

/**
 * The structure of a document in Markdown or plain text, read line by line: headings, paragraphs, items of lists, rows of tables. Nothing
 * is changed or left out: blocks point into the text.
 */

interface Common extends Span {
  /** Where the first line of the block begins; `start` is behind the marks of headings, lists and tables. */
  lineStart: number;
}

export interface Heading extends Common {
  kind: 'heading';
  /** 1 is the highest. */
  level: number;
}

export interface Paragraph extends Common {
  kind: 'paragraph';
}

export interface Item extends Common {
  kind: 'item';
  /** Columns before the mark. */
  indent: number;
  /** Which kind of mark it has; items of one list share it. */
  style: string;
  /** The document's own identifier: `SEC-04`, `3.2.1`. Bullets and single numbers are none. */
  label: Span | undefined;
}

export interface Row extends Common {
  kind: 'row';
  cells: Span[];
  isHeader: boolean;
  /** The head of its table. */
  header: Row | undefined;
}

/** Fenced code: nobody's sentences. */
export interface Code extends Common {
  kind: 'code';
}

export type Block = Heading | Paragraph | Item | Row | Code;

export function readBlocks(text: string): Block[] {
  const lines = linesOf(text);
  const blocks: Block[] = [];
  let index = 0;
  while (index < lines.length) {
    const line = lines[index] as Line;
    if (line.content === '') index += 1;
    else index = readBlock(text, lines, index, blocks);
  }
  return blocks;
}

interface Line {
  start: number;
  /** Without the line break. */
  end: number;
  /** Trimmed; it begins at `contentStart`. */
  content: string;
  contentStart: number;
  indent: number;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  const breaks = /\r\n|[\n\r]/g;
  let start = 0;
  for (;;) {
    const end = breaks.exec(text)?.index ?? text.length;
    const span = trimmed(text, { start, end });
    lines.push({
      start,
      end,
      content: text.slice(span.start, span.end),
      contentStart: span.start,
      indent: columnsBefore(text, start, span.start),
    });
    if (end === text.length) return lines;
    start = breaks.lastIndex;
  }
}

function columnsBefore(text: string, start: number, end: number): number {
  let columns = 0;
  for (let at = start; at < end; at += 1) columns += text.charAt(at) === '\t' ? 4 : 1;
  return columns;
}

/** Reads the block that begins on a line. @returns the line after it */
function readBlock(text: string, lines: readonly Line[], index: number, blocks: Block[]): number {
  const line = lines[index] as Line;
  if (isFence(line)) return readCode(lines, index, blocks);
  if (isRule(line)) return index + 1;
  const heading = readHeading(text, lines, index, blocks.at(-1));
  if (heading) {
    blocks.push(heading.block);
    return heading.next;
  }
  if (line.content.startsWith('|')) return readTable(text, lines, index, blocks);
  const item = readMark(line);
  const next = endOfText(lines, index);
  const end = (lines[next - 1] as Line).end;
  if (item)
    blocks.push({ kind: 'item', lineStart: line.start, indent: line.indent, ...item, ...trimmed(text, { start: item.start, end }) });
  else blocks.push({ kind: 'paragraph', lineStart: line.start, ...trimmed(text, { start: line.start, end }) });
  return next;
}

const isFence = ({ content }: Line) => /^(```|~~~)/.test(content);

/** A line across the page, also the underlining of a plain text heading that is read with it. */
const isRule = ({ content }: Line) => content.length <= longestRule && /^([-*_=]\s*){3,}$/.test(content);
const longestRule = 300;

function readCode(lines: readonly Line[], index: number, blocks: Block[]): number {
  const fence = (lines[index] as Line).content.slice(0, 3);
  let last = index + 1;
  while (last < lines.length && !(lines[last] as Line).content.startsWith(fence)) last += 1;
  const { start } = lines[index] as Line;
  const { end } = lines[Math.min(last, lines.length - 1)] as Line;
  blocks.push({ kind: 'code', lineStart: start, start, end });
  return last + 1;
}

/** Text goes on until a blank line or the beginning of something else. @returns the line after it */
function endOfText(lines: readonly Line[], first: number): number {
  let index = first + 1;
  while (index < lines.length) {
    const line = lines[index] as Line;
    const isOther = line.content === '' || isFence(line) || isRule(line) || line.content.startsWith('|') || /^#{1,6}\s/.test(line.content);
    if (isOther || readMark(line)) break;
    index += 1;
  }
  return index;
}

/** Lines of cells; a line of dashes makes the one before it the head. */
function readTable(text: string, lines: readonly Line[], first: number, blocks: Block[]): number {
  let index = first;
  let header: Row | undefined;
  for (; index < lines.length; index += 1) {
    const line = lines[index] as Line;
    if (!line.content.startsWith('|')) break;
    if (/^[|\s:-]+$/.test(line.content)) {
      const before = blocks.at(-1);
      if (index === first || before?.kind !== 'row') continue;
      before.isHeader = true;
      header = before;
      continue;
    }
    const span = trimmed(text, line);
    blocks.push({ kind: 'row', lineStart: line.start, ...span, cells: cellsOf(text, span), isHeader: false, header });
  }
  return index;
}

function cellsOf(text: string, { start, end }: Span): Span[] {
  const cells: Span[] = [];
  let from = start + 1;
  for (let at = from; at <= end; at += 1) {
    const isEnd = at === end || (text.charAt(at) === '|' && text.charAt(at - 1) !== '\\');
    if (!isEnd) continue;
    if (at < end || from < end) cells.push(trimmed(text, { start: from, end: at }));
    from = at + 1;
  }
  return cells;
}

type Mark = Pick<Item, 'start' | 'style' | 'label'>;

const bulletMark = /^([-*+•◦▪‣·–—])\s+(?=\S)/;
const ordinalMark = /^(\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s+(?=\S)/;
/** `3.2.1`, with or without a dot at its end. */
const dottedMark = /^(\d{1,3}(?:\.\d{1,3})+)[.)]?:?\s+(?=\S)/;
/** `SEC-04`, `[R-12]`, `**REQ-1.2:**`. */
const labelMark = /^(\*\*)?([[(]?)([A-Z]{1,8}(?:-[A-Z]{1,8})?[-.]\d{1,4}(?:[.-]\d{1,4})*[a-z]?)[\])]?\s*[:.)–—-]?(\*\*)?[:.]?\s+(?=\S)/;

/** No mark is longer, and no line is looked at further for one. */
const longestMark = 120;

/** What makes a line an item of a list, and where its text begins. */
function readMark(line: Line): Mark | undefined {
  const start = line.contentStart;
  const content = line.content.slice(0, longestMark);
  const mark = bulletMark.exec(content) ?? ordinalMark.exec(content);
  const markLength = mark?.[0].length ?? 0;
  const label = readLabel(content.slice(markLength), start + markLength);
  if (label) return { ...label, style: mark ? styleOf(mark[1] as string) : label.style };
  return mark ? { start: start + markLength, style: styleOf(mark[1] as string), label: undefined } : undefined;
}

function readLabel(content: string, at: number): (Mark & { label: Span }) | undefined {
  const dotted = dottedMark.exec(content);
  if (dotted) return { start: at + dotted[0].length, style: 'dotted', label: { start: at, end: at + (dotted[1] as string).length } };
  const named = labelMark.exec(content);
  if (!named) return undefined;
  const labelStart = at + (named[1]?.length ?? 0) + (named[2]?.length ?? 0);
  return { start: at + named[0].length, style: 'label', label: { start: labelStart, end: labelStart + (named[3] as string).length } };
}

/** `(a)` and `(b)` are alike, `a.` is another style. */
const styleOf = (mark: string) =>
  mark
    .replace(/\d+/, '1')
    .replace(/[a-z]+/, 'a')
    .replace(/[A-Z]+/, 'A');

const headingMark =
  /^(?:(?:section|article|part|chapter|appendix|annex|attachment|exhibit|schedule)\s+(?:\d+|[a-z]|[ivx]+)\b[.:)]?|(\d{1,3}(?:\.\d{1,3})*)[.)]?|[A-Z][.)])\s*[:–—-]?\s*(\S.*)$/i;

function readHeading(
  text: string,
  lines: readonly Line[],
  index: number,
  before: Block | undefined,
): { block: Heading; next: number } | undefined {
  const line = lines[index] as Line;
  const under = lines[index + 1];
  const span = trimmed(text, line);
  const heading = (level: number, skip = 0, next = index + 1) => ({
    block: { kind: 'heading' as const, level, lineStart: line.start, ...trimmed(text, { start: span.start + skip, end: span.end }) },
    next,
  });
  const atx = /^(#{1,6})\s+/.exec(line.content);
  if (atx && line.content.length <= longestMarkdownHeading) return heading((atx[1] as string).length, atx[0].length);
  if (line.content.length > longestHeading || line.content.startsWith('|')) return undefined;
  if (under && /^(=+|-{3,})$/.test(under.content)) return heading(under.content.startsWith('=') ? 1 : 2, 0, index + 2);
  if (!standsAlone(lines, index) || /[.;,:?!]$/.test(line.content) || obligationWord.test(line.content)) return undefined;
  const level = levelOfPlainHeading(text, line, before);
  return level === undefined ? undefined : heading(level);
}

/** Every requirement repeats the heading it stands under: a paragraph with a mark before it is not taken for one. */
const longestMarkdownHeading = 300;
/** In plain text, where only its looks make a line a heading. */
const longestHeading = 100;

/** Blank lines, lines across the page or the ends of the document on both sides. */
const standsAlone = (lines: readonly Line[], index: number) =>
  [lines[index - 1], lines[index + 1]].every((neighbour) => neighbour === undefined || neighbour.content === '' || isRule(neighbour));

const obligationWord = /\b(shall|must|should|may|will)\b/i;

/** A line that stands alone and is a title by its number or its capitals. */
function levelOfPlainHeading(text: string, line: Line, before: Block | undefined): number | undefined {
  const { content } = line;
  if (/^\*\*[^*]+\*\*$/.test(content)) return 6;
  const numbered = headingMark.exec(content);
  if (numbered && isTitle(numbered[2] as string)) {
    if (isNextInList(text, line, before)) return undefined;
    return numbered[1]?.split('.').length ?? 1;
  }
  return isCapitals(content) ? 1 : undefined;
}

/** `2. Technical Approach` behind an item of the same kind, or behind a colon, goes on with a list. */
function isNextInList(text: string, line: Line, before: Block | undefined): boolean {
  if (!before) return false;
  if (before.kind === 'paragraph') return text.charAt(before.end - 1) === ':';
  return before.kind === 'item' && (text.charAt(before.end - 1) === ':' || readMark(line)?.style === before.style);
}

/** Most long words begin with a capital. */
function isTitle(title: string): boolean {
  const long = title.match(/[\p{L}][\p{L}'’-]{3,}/gu) ?? title.match(/\p{L}+/gu) ?? [];
  const capital = long.filter((word) => /^\p{Lu}/u.test(word)).length;
  return long.length > 0 && long.length <= 12 && capital * 2 > long.length;
}

const isCapitals = (content: string) => /\p{Lu}{4}/u.test(content) && !/\p{Ll}/u.test(content);
