import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOutline } from '../document/outline.ts';
import { planPassages } from '../document/passages.ts';
import { anyDocument } from '../document/testing.ts';
import { RequirementsError } from '../errors.ts';
import type { Reading, ReadingSteps } from '../reading.ts';
import type { AskModel, ModelAnswer, Question } from './ask-model.ts';
import { callsWorkload, passageLimits, repairsAllowed } from './call-plan.ts';
import { promptOverheadTokens } from './extraction-prompt.ts';
import { readWithModel } from './read-with-model.ts';

const usage = { prompt_tokens: 1, completion_tokens: 1 };
const unusable: ModelAnswer = { ok: false, reason: 'invalid', usage };

async function lastOf(steps: ReadingSteps): Promise<Reading> {
  let step = await steps.next();
  while (!step.done) step = await steps.next();
  return step.value;
}

describe('calls', () => {
  it('fit into the context, with their answers', () => {
    for (const context of [4096, 8192, 131_072]) {
      const { passageTokens } = passageLimits(context);
      expect(promptOverheadTokens + passageTokens + 2 * passageTokens + 256).toBeLessThanOrEqual(context * 0.8);
    }
    expect(passageLimits(8192)).toEqual(passageLimits(131_072)); // no passage is longer than what is read with care
    expect(() => passageLimits(1024)).toThrow(RequirementsError);
  });
});

describe('reading with a model', () => {
  const limits = { passageTokens: 40, overlapTokens: 5 };
  /** Which answers can be used; by the number of the call. */
  const scripts = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 });

  it('costs no more than was admitted, tells what it left unread, and invents nothing, whatever the model does', async () => {
    await fc.assert(
      fc.asyncProperty(anyDocument, anyDocument, scripts, async (words, other, script) => {
        const text = `x${words}${words}${words}`;
        const outline = readOutline(text);
        const passages = planPassages(outline, limits);
        const questions: Question[] = [];
        const ask: AskModel = async (question) => {
          const isUsable = script[questions.length % script.length];
          questions.push(question);
          if (!isUsable) return unusable;
          const quotes = [question.passage, other, question.passage.slice(3, 60), question.passage.toUpperCase()];
          return {
            ok: true,
            usage,
            extraction: { requirements: quotes.map((quote) => ({ quote, obligation: 'may', category: 'other' })) },
          };
        };
        const reading = await lastOf(readWithModel(outline, passages, ask)).catch((error: unknown) => error);

        const answers = questions.reduce((sum, { maxTokens }) => sum + maxTokens, 0);
        expect(answers).toBeLessThanOrEqual(callsWorkload(passages, 'max_tokens'));
        expect(callsWorkload(passages, 'tokens')).toBeGreaterThan(callsWorkload(passages, 'max_tokens'));
        expect(questions.length).toBeLessThanOrEqual(passages.length + 2 * repairsAllowed(passages.length));
        if (reading instanceof RequirementsError) {
          expect(reading.code).toBe('MODEL_ANSWER_UNUSABLE');
          return;
        }
        const { findings, unread, usage: total } = reading as Reading;
        expect(total).toMatchObject({ calls: questions.length, prompt_tokens: questions.length });
        for (const { start, end } of findings) expect(end > start && start >= 0 && end <= text.length).toBe(true);
        for (const { start, end } of unread) expect(questions.map(({ passage }) => passage)).toContain(text.slice(start, end));
      }),
    );
  });

  it('tells every passage, with the headings it begins under', async () => {
    const text = `# A\n\n## B\n\n${'Word and word and word. '.repeat(20)}`;
    const outline = readOutline(text);
    const passages = planPassages(outline, limits);
    const sections: (readonly string[])[] = [];
    const ask: AskModel = async ({ section }) => {
      sections.push(section);
      return { ok: true, usage, extraction: { requirements: [] } };
    };
    const progress: number[] = [];
    for await (const { passages_read } of readWithModel(outline, passages, ask)) progress.push(passages_read);
    expect(progress).toEqual(Array.from({ length: passages.length + 1 }, (_, index) => index));
    expect(sections[0]).toEqual(['A']);
    expect(sections.at(-1)).toEqual(['A', 'B']);
  });
});
