import { expect, it } from 'vitest';
import { generationWorkload } from './generation-workload.ts';

const prompt = 'a'.repeat(400); // 100 tokens by estimate
const messages = [{ role: 'user', content: prompt }];

it.each<[Record<string, unknown>, number, number]>([
  [{ prompt }, 256, 356],
  [{ prompt, max_tokens: 40 }, 40, 140],
  [{ prompt, max_tokens: 40, n: 3 }, 120, 220],
  [{ prompt, max_tokens: 40, best_of: 2 }, 80, 180],
  [{ prompt: [prompt, prompt], max_tokens: 40 }, 80, 280],
  [{ prompt: [1, 2, 3], max_tokens: 40 }, 40, 43],
  [{ prompt, max_tokens: 40, max_completion_tokens: 7 }, 40, 140],
  [{ messages, max_tokens: 40, max_completion_tokens: 7 }, 7, 107],
  [{ messages }, 256, 356],
])('%#: costs max_tokens for every answer, and its prompt once when the unit is tokens', (payload, maxTokens, tokens) => {
  expect(generationWorkload('max_tokens')(payload)).toBe(maxTokens);
  expect(generationWorkload('tokens')(payload)).toBe(tokens);
});
