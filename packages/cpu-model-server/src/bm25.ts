/** Okapi BM25 over the documents of one request: no corpus but these. */

const k1 = 1.2;
const b = 0.75;

/** @returns one score per document, ≥ 0; 0 when it shares no term with the query. */
export function bm25(query: readonly string[], documents: readonly (readonly string[])[]): number[] {
  const averageLength = documents.reduce((sum, terms) => sum + terms.length, 0) / Math.max(documents.length, 1) || 1;
  const counts = documents.map(countTerms);
  const wanted = [...new Set(query)];
  const inverseFrequency = wanted.map((term) => {
    const holders = counts.filter((count) => count.has(term)).length;
    return Math.log(1 + (documents.length - holders + 0.5) / (holders + 0.5));
  });
  return documents.map((terms, index) => {
    const lengthFactor = k1 * (1 - b + (b * terms.length) / averageLength);
    return wanted.reduce((score, term, position) => {
      const frequency = (counts[index] as Map<string, number>).get(term) ?? 0;
      return score + ((inverseFrequency[position] as number) * frequency * (k1 + 1)) / (frequency + lengthFactor);
    }, 0);
  });
}

function countTerms(terms: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}
