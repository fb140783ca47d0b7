/**
 * What the benchmark sends: passages of a request for proposal, from a sentence to two pages, with answers from a line to
 * a page. `ignore_eos` makes each answer as long as its workload says; otherwise the figure would depend on how soon the
 * model falls silent.
 */

const sentences = [
  'The contractor shall keep an inventory of every device it installs and hand it over at the end of each quarter.',
  'Invoices that do not name the purchase order are returned without payment.',
  'Maintenance that interrupts the service may take place on Sundays between one and five in the morning.',
  'The proposal should describe how the team is trained, and who replaces a key person within how many days.',
  'All interfaces must be documented in a form that a third party can implement without asking the vendor.',
  'Questions are answered in writing and sent to everybody who has registered for this procedure.',
  'The system must be able to export all records, with their attachments, in an open format within ten working days.',
  'A price that is not in the price sheet is taken to be included in one that is.',
];

/** `count` sentences in a row, beginning somewhere else for each `seed`. */
const passage = (seed: number, count: number): string =>
  Array.from({ length: count }, (_, index) => sentences[(seed + index) % sentences.length]).join(' ');

const completion = (seed: number, sentenceCount: number, maxTokens: number) => ({
  prompt: `${passage(seed, sentenceCount)}\n\nList the obligations in this passage, one to a line.\n`,
  max_tokens: maxTokens,
  ignore_eos: true,
});

export const benchmarkPayloads: Record<string, unknown>[] = [
  completion(0, 8, 128),
  completion(1, 1, 32),
  completion(2, 24, 256),
  completion(3, 4, 64),
  completion(4, 60, 384),
  completion(5, 16, 128),
  completion(6, 2, 96),
  completion(7, 32, 192),
];
