import { setImmediate as nextTurn } from 'node:timers/promises';
import { bm25 } from './bm25.ts';
import type { ChatMessage, CompletionEngine, CompletionSettings, CompletionToken } from './engine.ts';
import { terms } from './lexical-words.ts';
import { decode, encode, endId, isId } from './packed-tokenizer.ts';

/**
 * Completions without weights: the answer is made of the prompt's own sentences, those that share the most words with its last
 * question. Deterministic: the same prompt has the same answer everywhere; further samples begin with the next best sentence.
 */
export function createLexicalCompletionEngine(): CompletionEngine {
  return {
    name: 'lexical',
    description: 'lexical engine: answers with sentences of the prompt, no weights, not a neural model',
    architecture: 'LexicalForCausalLM',
    samplingDefaults: {},
    encode: (text) => encode(text),
    tokenTexts: (ids) => ids.map((id) => decode([id])),
    decode,
    hasToken: isId,
    renderChat,
    complete,
  };
}

/** Roles nobody knows speak as the user. */
function renderChat(messages: readonly ChatMessage[]): string {
  const mark = (role: string) => (knownRoles.has(role) ? `<|${role}|>` : '<|user|>');
  return `${messages.map(({ role, content }) => `${mark(role)}\n${content}<|end|>\n`).join('')}<|assistant|>\n`;
}

const knownRoles = new Set(['system', 'developer', 'user', 'assistant', 'tool']);

async function* complete(
  prompt: readonly number[],
  { sample, maxTokens, minTokens, ignoreEnd }: CompletionSettings,
  signal: AbortSignal,
): AsyncGenerator<CompletionToken> {
  const answer = extractAnswer(decode(prompt), sample);
  let given = 0;
  for (let round = 0; ; round += 1) {
    for (const id of encode(round === 0 ? answer : ` ${answer}`)) {
      if (given === maxTokens) return;
      await nextTurn(undefined, { signal });
      yield { id, text: decode([id]), isEnd: false };
      given += 1;
    }
    if (given === maxTokens) return;
    if (!ignoreEnd && given >= minTokens) break;
  }
  yield { id: endId, text: '', isEnd: true };
}

const mostSentences = 3;

/** Sentences that answer the last question of the prompt, best first; the question itself when nothing else shares a word with it. */
export function extractAnswer(prompt: string, sample: number): string {
  const sentences = sentencesOf(prompt);
  const question = sentences.findLast((sentence) => sentence.endsWith('?')) ?? sentences.at(-1);
  if (question === undefined) return '…';
  const candidates = [...new Set(sentences)].filter((sentence) => sentence !== question);
  const scores = bm25(terms(question), candidates.map(terms));
  const ranked = candidates
    .map((sentence, index) => ({ sentence, score: scores[index] as number }))
    .filter(({ score }) => score > 0)
    .sort((left, right) => right.score - left.score)
    .map(({ sentence }) => sentence);
  if (ranked.length === 0) ranked.push(question);
  const first = sample % ranked.length;
  return [...ranked.slice(first), ...ranked.slice(0, first)].slice(0, mostSentences).join(' ');
}

/** What has a letter or digit in it, up to a mark of its end, an end of the line, or a mark of the conversation. */
function sentencesOf(prompt: string): string[] {
  return prompt
    .replace(/<\|[a-z]+\|>/g, '\n')
    .split(/\n+|(?<=[.!?。！？])\s+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => /[\p{L}\p{N}]/u.test(sentence));
}
