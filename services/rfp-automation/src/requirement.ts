import type { Due } from './document/due-dates.ts';
import type { Span } from './document/span.ts';

/** What is read from a request for proposal. */

/** How binding, the strongest first. */
export const obligations = ['shall', 'should', 'may'] as const;
export type Obligation = (typeof obligations)[number];

export const categories = [
  'submission',
  'commercial',
  'legal',
  'security',
  'privacy',
  'service',
  'delivery',
  'staffing',
  'training',
  'reporting',
  'quality',
  'technical',
  'functional',
  'other',
] as const;
export type Category = (typeof categories)[number];

/** What a reader finds: where it stands in the document, and what it says about it. Everything else follows from the place. */
export interface Finding extends Span {
  obligation: Obligation;
  category: Category;
}

export interface Requirement extends Finding {
  /** Made of the words, the obligation and the leading sentence: the same requirement has it in every version of a document. */
  id: string;
  /** The document's own identifier, `SEC-04` or `3.2.1`, where it has one. */
  reference: string | null;
  /** The heading it stands under. */
  section: string | null;
  /** `document.slice(start, end)` */
  text: string;
  /** The sentence that leads in the list or table it stands in: `The contractor shall:`. */
  lead: (Span & { text: string }) | null;
  due: (Due & { text: string })[];
  /** Every place where the document says it, the first one included, in order. */
  occurrences: Span[];
}
