import type { Span } from './document/span.ts';
import type { UnusableReason, Usage } from './model/ask-model.ts';
import type { Finding } from './requirement.ts';

/** What comes of reading a document, by whatever method. */
export interface Reading {
  findings: Finding[];
  /** Passages that no usable answer was got for: nothing is known about them. */
  unread: (Span & { reason: UnusableReason })[];
  /** Quotes of the model that the document does not hold. */
  droppedQuotes: number;
  /** null: no model was asked. */
  usage: (Usage & { calls: number; repairs: number }) | null;
}

export interface Progress {
  passages_read: number;
  passages: number;
  /** Findings so far, those that will turn out to be the same included. */
  found: number;
}

/** Tells its progress on the way and ends with everything. Works no faster than somebody asks for the next step. */
export type ReadingSteps = AsyncGenerator<Progress, Reading, void>;
