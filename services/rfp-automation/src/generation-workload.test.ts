import { estimateTokens } from '@bluefly/vast-workload';
import { expect, it } from 'vitest';
import { generationWorkload } from './generation-workload.ts';

const prompt = 'a'.repeat(400);
const ofPrompt = estimateTokens(prompt);
const messages = [{ role: 'user', content: prompt }];

it.each<[Record<string, unknown>, number, number]>([
  [{ prompt }, 256, 256 + ofPrompt],
  [{ prompt, max_tokens: 40 }, 40, 40 + ofPrompt],
  [{ prompt, max_tokens: 40, n: 3 }, 120, 120 + ofPrompt],
  [{ prompt, max_tokens: 40, best_of: 2 }, 80, 80 + ofPrompt],
  [{ prompt: [prompt, prompt], max_tokens: 40 }, 80, 80 + 2 * ofPrompt],
  [{ prompt: [1, 2, 3], max_tokens: 40 }, 40, 43],
  [{ prompt, max_tokens: 40, max_completion_tokens: 7 }, 40, 40 + ofPrompt],
  [{ messages, max_tokens: 40, max_completion_tokens: 7 }, 7, 7 + ofPrompt],
  [{ messages }, 256, 256 + ofPrompt],
])('%#: costs max_tokens for every answer, and its prompt once when the unit is tokens', (payload, maxTokens, tokens) => {
  expect(generationWorkload('max_tokens')(payload)).toBe(maxTokens);
  expect(generationWorkload('tokens')(payload)).toBe(tokens);
});
