/**
 * What the benchmark sends: questions of auditors and passages of policies, from one sentence to half a page, in lists
 * from one to thirty-two. The words are ours; only their number matters to a model server.
 */

const queries = [
  'Who approves access to production systems?',
  'How long are audit logs kept, and who can read them?',
  'Are backups encrypted, and is a restore tested?',
  'Within how many hours is a customer told of an incident that concerns personal data?',
];

const sentences = [
  'Access is granted by the owner of the system and recorded in the ticket that asked for it.',
  'Logs are kept for thirteen months and deleted by the system that keeps them, not by hand.',
  'The register of suppliers names for each the data it receives, the country, and the date of the last review.',
  'Backups leave the site encrypted; the keys are held by two people who do not run the backups.',
  'A restore of one system, chosen by lot, is tested every quarter, and the time it took is written down.',
  'An incident has one owner from the first minute, whoever else works on it.',
  'Visitors are met at the door and sign the book.',
  'What is older than its period is deleted in the night of the first Sunday of the month, the copies within thirty days.',
];

/** `count` sentences in a row, beginning somewhere else for each `seed`. */
const text = (seed: number, count: number): string =>
  Array.from({ length: count }, (_, index) => sentences[(seed + index) % sentences.length]).join(' ');

const ranking = (query: number, size: number, sentenceCounts: readonly number[]): { query: string; texts: string[] } => ({
  query: queries[query % queries.length] as string,
  texts: Array.from({ length: size }, (_, index) => text(index, sentenceCounts[index % sentenceCounts.length] as number)),
});

export const benchmarkPayloads: { query: string; texts: string[] }[] = [
  ranking(0, 1, [1]),
  ranking(1, 32, [2, 4, 3]),
  ranking(2, 8, [4, 8, 6]),
  ranking(3, 16, [2, 5, 3]),
  ranking(0, 4, [8]),
  ranking(1, 32, [6]),
  ranking(2, 24, [1, 2]),
  ranking(3, 8, [3]),
];
