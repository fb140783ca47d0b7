import { type Block, type Heading, type Item, readBlocks } from './blocks.ts';
import { sentencesIn } from './sentences.ts';
import type { Span } from './span.ts';

/** Blocks with their place in the document: under which headings, and led in by which sentence (`The contractor shall:`). */

export interface PlacedBlock {
  block: Block;
  /** Headings above, the highest first; a heading is under itself. */
  path: readonly Heading[];
  /** What leads in the list or table that this block belongs to. */
  lead: Lead | undefined;
}

/** A sentence that a list or table follows: the last of the block with this index. */
export interface Lead {
  index: number;
  sentence: Span;
}

export interface Outline {
  text: string;
  blocks: readonly PlacedBlock[];
}

export function readOutline(text: string): Outline {
  const leads = new OpenLeads(text);
  let path: readonly Heading[] = [];
  const blocks = readBlocks(text).map((block, index): PlacedBlock => {
    if (block.kind === 'heading') path = [...path.filter(({ level }) => level < block.level), block];
    return { block, path, lead: leads.next(block, index) };
  });
  return { text, blocks };
}

/** The block that stands at an offset, or the last before it. */
export const blockAt = ({ blocks }: Outline, at: number): PlacedBlock | undefined => blocks[lastIndexAt(blocks, at)];

/** Of the last block whose first line begins at or before `at`; -1 when all begin later. */
function lastIndexAt(blocks: readonly PlacedBlock[], at: number): number {
  let [low, high] = [0, blocks.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((blocks[middle] as PlacedBlock).block.lineStart <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Which sentence leads in the items that come, over nested lists. */
class OpenLeads {
  readonly #text: string;
  #open: { lead: Lead; style: string; indent: number }[] = [];
  #before: Block | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  next(block: Block, index: number): Lead | undefined {
    const before = this.#before;
    this.#before = block;
    if (block.kind === 'heading' || block.kind === 'code') this.#open = [];
    if (block.kind === 'paragraph' && !this.#isWithinItem(block)) this.#open = [];
    if (block.kind !== 'item' && block.kind !== 'row') return undefined;
    const { style, indent } = block.kind === 'item' ? block : { style: 'row', indent: 0 };
    const sentence = before && !isSibling(before, style, indent) ? leadingSentence(this.#text, before) : undefined;
    if (sentence) this.#open.push({ lead: { index: index - 1, sentence }, style, indent });
    else this.#closeInner(style, indent);
    return this.#open.at(-1)?.lead;
  }

  /** A paragraph that is indented further than the items goes on with one of them. */
  #isWithinItem(block: Block): boolean {
    const inner = this.#open.at(-1);
    return inner !== undefined && block.start - block.lineStart > inner.indent;
  }

  #closeInner(style: string, indent: number): void {
    const belongs = (list: { style: string; indent: number }) =>
      (list.style === style && indent >= list.indent - 1) || indent > list.indent + 1;
    while (this.#open.length > 0 && !belongs(this.#open.at(-1) as { style: string; indent: number })) this.#open.pop();
  }
}

/** The last sentence of a block, where a list goes on behind it. */
function leadingSentence(text: string, block: Block): Span | undefined {
  if (block.kind !== 'paragraph' && block.kind !== 'item') return undefined;
  const goesOn = /([:–—]|\b(shall|must|should|may|will))[*_]*$/i.test(text.slice(Math.max(block.start, block.end - 20), block.end));
  const sentence = goesOn ? sentencesIn(text, block).at(-1) : undefined;
  return sentence && sentence.end - sentence.start <= longestLead ? sentence : undefined;
}

/** In UTF-16 code units: every item repeats its leading sentence. */
const longestLead = 300;

/** An item that ends with a colon does not lead in the next one of its own list. */
const isSibling = (before: Block, style: string, indent: number) =>
  before.kind === 'item' && before.style === style && indent <= (before as Item).indent;
