import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Outline } from '../document/outline.ts';
import type { Passage } from '../document/passages.ts';
import type { ReadingSteps } from '../reading.ts';
import type { Finding } from '../requirement.ts';
import { RulesReader } from './rules-reader.ts';

/**
 * Reads passages by rules, one after the other. Others get their turn between two of them: this is work of this process, not of the model
 * server. @throws the signal's reason
 */
export async function* readWithRules(outline: Outline, passages: readonly Passage[], signal: AbortSignal): ReadingSteps {
  const reader = new RulesReader(outline);
  const findings: Finding[] = [];
  let block = 0;
  for (const [passagesRead, { end }] of passages.entries()) {
    yield { passages_read: passagesRead, passages: passages.length, found: findings.length };
    await nextTurn(undefined, { signal });
    for (; block < outline.blocks.length && (outline.blocks[block]?.block.lineStart as number) < end; block += 1)
      findings.push(...reader.read(block));
  }
  yield { passages_read: passages.length, passages: passages.length, found: findings.length };
  return { findings, unread: [], droppedQuotes: 0, usage: null };
}
