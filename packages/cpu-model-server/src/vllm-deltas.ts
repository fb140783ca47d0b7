import type { CompletionToken } from './engine.ts';
import { StopStrings } from './stop-strings.ts';

/** From tokens to what a client is shown of an answer, and why it ended. */

export interface Finish {
  reason: 'stop' | 'length' | 'abort';
  /** The stop string or token that was met; null for the model's own end. */
  stopReason: string | number | null;
}

export interface Delta {
  /** May be empty: text is held back while it may be the beginning of a stop string. */
  text: string;
  tokenId: number | undefined;
  finish: Finish | undefined;
}

export interface StopRules {
  stop: readonly string[];
  includeStopStrings: boolean;
  stopTokenIds: readonly number[];
  /** Nothing stops before so many tokens but the greatest number of them. */
  minTokens: number;
  maxTokens: number;
}

/** One delta per token; the last one has the finish. Tokens that cease without an end were aborted. */
export async function* deltasOf(tokens: AsyncIterable<CompletionToken>, rules: StopRules): AsyncGenerator<Delta> {
  const stopStrings = new StopStrings(rules.stop, rules.includeStopStrings);
  let count = 0;
  for await (const { id, text, isEnd } of tokens) {
    count += 1;
    const finish = finishOf(id, isEnd, count, rules);
    const shown = isEnd || finish?.stopReason === id ? '' : text;
    const { text: free, stop } = count > rules.minTokens ? stopStrings.feed(shown) : { text: stopStrings.pass(shown) };
    if (stop !== undefined) return yield* last({ text: free, tokenId: id, finish: { reason: 'stop', stopReason: stop } });
    if (finish) return yield* last({ text: free + stopStrings.rest(), tokenId: id, finish });
    yield { text: free, tokenId: id, finish: undefined };
  }
  yield { text: stopStrings.rest(), tokenId: undefined, finish: { reason: 'abort', stopReason: null } };
}

/** As the engine decides it: length comes first, then the end, then stop tokens. Stop strings, looked for later, win. */
function finishOf(id: number, isEnd: boolean, count: number, { maxTokens, minTokens, stopTokenIds }: StopRules): Finish | undefined {
  if (count >= maxTokens) return { reason: 'length', stopReason: null };
  if (isEnd) return { reason: 'stop', stopReason: null };
  if (count > minTokens && stopTokenIds.includes(id)) return { reason: 'stop', stopReason: id };
  return undefined;
}

function* last(delta: Delta): Generator<Delta, void> {
  yield delta;
}
