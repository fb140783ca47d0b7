import type { Item, Paragraph, Row } from '../document/blocks.ts';
import type { Outline, PlacedBlock } from '../document/outline.ts';
import { sentencesIn } from '../document/sentences.ts';
import type { Span } from '../document/span.ts';
import type { Finding, Obligation } from '../requirement.ts';
import { categoryOf } from './category-rules.ts';
import { obligationOf } from './obligation-rules.ts';
import { readParties } from './parties.ts';

/** Finds requirements without a model: sentences that oblige, items and rows that a sentence which obliges leads in. English only. */
export class RulesReader {
  readonly #outline: Outline;
  readonly #obligationOf: (sentence: string) => Obligation | undefined;
  /** Blocks that lead in others; their last sentence is a requirement only together with each of those. */
  readonly #leading: ReadonlySet<number>;
  readonly #ofLeads = new Map<number, Obligation | undefined>();

  constructor(outline: Outline) {
    const parties = readParties(outline.text);
    this.#outline = outline;
    this.#obligationOf = (sentence) => obligationOf(sentence, parties);
    this.#leading = new Set(outline.blocks.flatMap(({ lead }) => lead?.index ?? []));
  }

  /** Of the block with this index in the outline; other blocks are looked at only for what leads it in. */
  read(index: number): Finding[] {
    const placed = this.#outline.blocks[index] as PlacedBlock;
    const { block } = placed;
    const found =
      block.kind === 'row'
        ? this.#readRow(block, placed)
        : block.kind === 'paragraph' || block.kind === 'item'
          ? this.#readText(block, placed, index)
          : [];
    if (found.length === 0) return [];
    const headings = placed.path.map((heading) => this.#slice(heading));
    if (placed.lead) headings.push(this.#slice(placed.lead.sentence));
    return found.map((finding) => ({ ...finding, category: categoryOf(this.#slice(finding), headings) }));
  }

  #readText(block: Paragraph | Item, placed: PlacedBlock, index: number): Found[] {
    const sentences = sentencesIn(this.#outline.text, block);
    if (this.#leading.has(index)) sentences.pop();
    const obliging = this.#obliging(sentences);
    const [first] = sentences;
    const inherited = obliging.length === 0 && first ? this.#inherited(placed) : undefined;
    return inherited && first ? [{ ...this.#withoutConjunction(first), obligation: inherited }] : obliging;
  }

  #obliging(sentences: readonly Span[]): Found[] {
    return sentences.flatMap((sentence) => {
      if (sentence.end - sentence.start > longestSentence) return [];
      const obligation = this.#obligationOf(this.#slice(sentence));
      return obligation ? [{ ...this.#withoutConjunction(sentence), obligation }] : [];
    });
  }

  /** A cell that obliges by itself; else what a cell such as `Mandatory` says of the longest one; else all cells together. */
  #readRow(row: Row, placed: PlacedBlock): Found[] {
    const cells = row.cells.filter(({ start, end }) => end > start);
    if (row.isHeader || cells.length === 0) return [];
    const obliging = cells.flatMap((cell) => this.#obliging(sentencesIn(this.#outline.text, cell)));
    if (obliging.length > 0) return obliging;
    const priority = cells.map((cell) => priorities.get(this.#slice(cell).toLowerCase())).find(Boolean);
    if (priority) return [{ ...longest(cells), obligation: priority }];
    const inherited = this.#inherited(placed);
    return inherited ? [{ start: (cells[0] as Span).start, end: (cells.at(-1) as Span).end, obligation: inherited }] : [];
  }

  #inherited({ lead }: PlacedBlock): Obligation | undefined {
    if (!lead) return undefined;
    if (!this.#ofLeads.has(lead.index)) {
      const above = this.#outline.blocks[lead.index] as PlacedBlock;
      this.#ofLeads.set(lead.index, this.#obligationOf(this.#slice(lead.sentence)) ?? this.#inherited(above));
    }
    return this.#ofLeads.get(lead.index);
  }

  #slice({ start, end }: Span): string {
    return this.#outline.text.slice(start, end);
  }

  /** Items of a list often end with `; and`. */
  #withoutConjunction(span: Span): Span {
    const tail = /[;,](?:\s+(?:and|or))?$/i.exec(this.#slice({ start: Math.max(span.start, span.end - 10), end: span.end }));
    return tail && tail[0].length < span.end - span.start ? { start: span.start, end: span.end - tail[0].length } : span;
  }
}

/** In UTF-16 code units. What is longer is no sentence but a table or a form without marks. */
export const longestSentence = 4_000;

type Found = Span & { obligation: Obligation };

const longest = (cells: readonly Span[]): Span =>
  cells.reduce((best, cell) => (cell.end - cell.start > best.end - best.start ? cell : best));

const priorities = new Map<string, Obligation>([
  ...['mandatory', 'required', 'shall', 'must', 'must have'].map((word) => [word, 'shall'] as const),
  ...['desirable', 'desired', 'preferred', 'recommended', 'should', 'should have'].map((word) => [word, 'should'] as const),
  ...['optional', 'may', 'nice to have', 'could have'].map((word) => [word, 'may'] as const),
]);
