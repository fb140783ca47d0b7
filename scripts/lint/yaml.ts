import { type Alias, type Document, LineCounter, parseAllDocuments, visit } from 'yaml';
import type { Linter } from './linter.ts';

/** What is no YAML, or reads otherwise than it looks: keys that come twice, aliases and tags of nothing. Biome looks after its format. */
export const yaml: Linter = {
  name: 'yaml',
  matches: ({ path }) => /\.ya?ml$/.test(path) && path !== 'pnpm-lock.yaml',
  check: ({ text }) => {
    const lineCounter = new LineCounter();
    const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false });
    const lineOf = (offset: number) => lineCounter.linePos(offset).line;
    return ('empty' in documents ? [] : documents).flatMap((document) => [
      ...[...document.errors, ...document.warnings].map(({ pos, message }) => ({ line: lineOf(pos[0]), message })),
      ...lostAliases(document).map(({ source, range }) => ({ line: lineOf(range?.[0] ?? 0), message: `Unresolved alias: ${source}` })),
    ]);
  },
};

function lostAliases(document: Document.Parsed): Alias[] {
  const lost: Alias[] = [];
  visit(document, {
    Alias(_, alias) {
      if (!alias.resolve(document)) lost.push(alias);
    },
  });
  return lost;
}
