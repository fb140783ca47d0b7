import { estimateTokens } from '@bluefly/vast-workload';
import type { Block } from './blocks.ts';
import type { Outline } from './outline.ts';
import { sentencesIn } from './sentences.ts';
import type { Span } from './span.ts';

/**
 * A document in passages that a model reads at once. Passages end at headings where that is possible, else between blocks, else
 * between sentences; each begins with the last sentences of the one before, so that nothing is read without what led to it.
 */

export interface Passage extends Span {
  /** Estimated. */
  tokens: number;
}

export interface PassageLimits {
  /** Estimated tokens of a passage at most. */
  passageTokens: number;
  /** Estimated tokens that a passage repeats of the one before at most. */
  overlapTokens: number;
}

/** Passages cover the whole text, in order. None is over the limit, and none begins where another does. */
export function planPassages(outline: Outline, limits: PassageLimits): Passage[] {
  const tiles = tilesOf(outline, limits.passageTokens);
  const passages: Passage[] = [];
  let next = 0;
  while (next < tiles.count) {
    const first = firstWithOverlap(tiles, next, limits);
    const end = endOfPassage(tiles, first, next, limits.passageTokens);
    passages.push({ start: tiles.startOf(first), end: tiles.startOf(end), tokens: tiles.tokens(first, end) });
    next = end;
  }
  return passages;
}

/** A passage in two, between the sentences nearest to its middle. */
export function halvesOf({ text, blocks }: Outline, { start, end }: Passage): Passage[] {
  const middle = (start + end) >> 1;
  const starts = blocks
    .filter(({ block }) => block.lineStart < end && block.end > start)
    .flatMap(({ block }) => [block.lineStart, ...(isText(block) ? sentencesIn(text, block).map((sentence) => sentence.start) : [])])
    .filter((at) => at > start && at < end);
  const nearest = starts.sort((left, right) => Math.abs(left - middle) - Math.abs(right - middle))[0];
  const cut = nearest ?? middleOf(text, { start, end });
  const half = (from: number, to: number) => ({ start: from, end: to, tokens: estimateTokens(text.slice(from, to)) });
  return cut > start && cut < end ? [half(start, cut), half(cut, end)] : [half(start, end)];
}

const isText = (block: Block) => block.kind === 'paragraph' || block.kind === 'item';

/** How good a place is to begin a passage at. */
type Grade = 'sentence' | 'block' | 'heading';

/** Pieces that are never cut, one behind the other over the whole text. */
class Tiles {
  readonly #text: string;
  readonly #starts: number[] = [];
  readonly #grades: Grade[] = [];
  /** Of all pieces before. */
  readonly #tokensBefore: number[] = [0];

  constructor(text: string) {
    this.#text = text;
  }

  add({ start, end }: Span, grade: Grade): void {
    this.#starts.push(start);
    this.#grades.push(grade);
    this.#tokensBefore.push((this.#tokensBefore.at(-1) as number) + estimateTokens(this.#text.slice(start, end)));
  }

  get count(): number {
    return this.#starts.length;
  }

  startOf(index: number): number {
    return this.#starts[index] ?? this.#text.length;
  }

  gradeOf(index: number): Grade {
    return this.#grades[index] ?? 'heading'; // the end of the text
  }

  /** Of the pieces `[first, end)`. */
  tokens(first: number, end: number): number {
    return (this.#tokensBefore[end] as number) - (this.#tokensBefore[first] as number);
  }
}

function tilesOf({ text, blocks }: Outline, mostTokens: number): Tiles {
  const starts: { at: number; grade: Grade }[] = [];
  const addStart = (at: number, grade: Grade) => {
    if (at > (starts.at(-1)?.at ?? 0)) starts.push({ at, grade });
  };
  for (const { block } of blocks) {
    addStart(block.lineStart, block.kind === 'heading' ? 'heading' : 'block');
    if (isText(block)) {
      for (const sentence of sentencesIn(text, block).slice(1)) addStart(sentence.start, 'sentence');
    }
  }
  const tiles = new Tiles(text);
  let [from, grade]: [number, Grade] = [0, 'heading'];
  for (const start of [...starts, { at: text.length, grade: 'heading' as const }]) {
    if (start.at > from) addTile(tiles, text, { start: from, end: start.at }, grade, mostTokens);
    [from, grade] = [start.at, start.grade];
  }
  return tiles;
}

/** Halves what is too long for a passage of its own, between words where there are any. */
function addTile(tiles: Tiles, text: string, piece: Span, grade: Grade, mostTokens: number): void {
  const isWhole = piece.end - piece.start < 2 || estimateTokens(text.slice(piece.start, piece.end)) <= mostTokens;
  const middle = isWhole ? piece.end : middleOf(text, piece);
  if (middle <= piece.start || middle >= piece.end) return tiles.add(piece, grade);
  addTile(tiles, text, { start: piece.start, end: middle }, grade, mostTokens);
  addTile(tiles, text, { start: middle, end: piece.end }, 'sentence', mostTokens);
}

/** Behind the last blank before the middle, if there is one near; never inside a pair of surrogates. */
function middleOf(text: string, { start, end }: Span): number {
  const middle = (start + end) >> 1;
  const nearest = Math.max(start + 1, middle - 200);
  for (let at = middle; at >= nearest; at -= 1) if (/\s/.test(text.charAt(at - 1))) return at;
  const isInPair = /[\ud800-\udbff]/.test(text.charAt(middle - 1)) && /[\udc00-\udfff]/.test(text.charAt(middle));
  return isInPair ? middle + 1 : middle;
}

/** Steps back from `next` over whole pieces; a passage that begins with a heading repeats nothing. */
function firstWithOverlap(tiles: Tiles, next: number, { passageTokens, overlapTokens }: PassageLimits): number {
  let first = next;
  while (first > 0 && tiles.gradeOf(first) !== 'heading' && tiles.tokens(first - 1, next) <= overlapTokens) first -= 1;
  return tiles.tokens(first, next + 1) <= passageTokens ? first : next;
}

function endOfPassage(tiles: Tiles, first: number, next: number, passageTokens: number): number {
  let end = next + 1;
  while (end < tiles.count && tiles.tokens(first, end + 1) <= passageTokens) end += 1;
  return (
    lastCut(tiles, next, end, 'heading', (tokens) => tokens * 2 >= passageTokens) ??
    lastCut(tiles, next, end, 'block', (tokens) => tokens * 4 >= passageTokens * 3) ??
    end
  );
}

/** The last place of a grade that leaves the passage long enough. */
function lastCut(tiles: Tiles, next: number, end: number, grade: Grade, isEnough: (tokens: number) => boolean): number | undefined {
  for (let cut = end; cut > next && isEnough(tiles.tokens(next, cut)); cut -= 1) if (tiles.gradeOf(cut) === grade) return cut;
  return undefined;
}
