/**
 * What the benchmark sends: texts of the lengths that an agent's memory holds, from a question of ten words to a page,
 * in batches from one to thirty-two. The words are ours; only their number matters to a model server.
 */

const sentences = [
  'Which supplier confirmed the delivery date for the second lot?',
  'The customer prefers e-mail over telephone and wants a summary every Friday before noon.',
  'After the outage on Tuesday the team moved the nightly import to two in the morning and added an alert that fires when it has not ended by four.',
  'The contract renews by itself for twelve months unless one of the parties gives notice in writing at least ninety days before it ends.',
  'Remember that the staging system uses a copy of the data from March; figures from it are good for layout and for nothing else.',
  'When a refund is asked for, first look whether the order was shipped, then whether the return has arrived, and only then whether the amount was charged.',
  'Her notes say that the pump loses pressure above forty degrees, that the seal was changed twice, and that neither change helped for longer than a week.',
  'A good answer names the document, the section and the sentence it rests on.',
];

/** `count` sentences in a row, beginning somewhere else for each `seed`. */
const text = (seed: number, count: number): string =>
  Array.from({ length: count }, (_, index) => sentences[(seed + index) % sentences.length]).join(' ');

const batch = (size: number, sentenceCounts: readonly number[]): { input: string[] } => ({
  input: Array.from({ length: size }, (_, index) => text(index, sentenceCounts[index % sentenceCounts.length] as number)),
});

export const benchmarkPayloads: { input: string[] }[] = [
  batch(1, [1]),
  batch(32, [1, 2, 1, 3]),
  batch(8, [4, 8, 6]),
  batch(16, [2, 5, 3]),
  batch(4, [12, 16]),
  batch(32, [4]),
  batch(2, [20]),
  batch(8, [1, 1, 2]),
];
