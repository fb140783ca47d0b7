import { asTheyEnd } from '../as-they-end.ts';
import { findQuote } from '../document/find-quote.ts';
import { fold } from '../document/folding.ts';
import { blockAt, type Outline } from '../document/outline.ts';
import { halvesOf, type Passage } from '../document/passages.ts';
import { RequirementsError } from '../errors.ts';
import type { Reading, ReadingSteps } from '../reading.ts';
import type { AskModel, ModelAnswer } from './ask-model.ts';
import { answerTokens, repairsAllowed } from './call-plan.ts';
import type { Extraction } from './extraction-prompt.ts';

/** Questions under way at once for one document: enough to fill the model server's batches, not enough to crowd others out. */
const questionsAtOnce = 4;

/**
 * Asks the model about every passage.
 * @throws RequirementsError MODEL_ANSWER_UNUSABLE when it read none of them; what `ask` throws
 */
export async function* readWithModel(outline: Outline, passages: readonly Passage[], ask: AskModel): ReadingSteps {
  const reader = new ModelReader(outline, ask, repairsAllowed(passages.length));
  let passagesRead = 0;
  const progress = () => ({ passages_read: passagesRead, passages: passages.length, found: reader.reading.findings.length });
  yield progress();
  for await (const _ of asTheyEnd(passages, questionsAtOnce, (passage) => reader.read(passage))) {
    passagesRead += 1;
    yield progress();
  }
  return reader.result();
}

class ModelReader {
  readonly reading: ModelReading = {
    findings: [],
    unread: [],
    droppedQuotes: 0,
    usage: { prompt_tokens: 0, completion_tokens: 0, calls: 0, repairs: 0 },
  };
  readonly #outline: Outline;
  readonly #ask: AskModel;
  readonly #repairsAllowed: number;
  #usableAnswers = 0;

  constructor(outline: Outline, ask: AskModel, mostRepairs: number) {
    this.#outline = outline;
    this.#ask = ask;
    this.#repairsAllowed = mostRepairs;
  }

  /** An answer that cannot be used is repaired once, by asking about each half of the passage; a document has only so many repairs. */
  async read(passage: Passage): Promise<void> {
    const answer = await this.#askAbout(passage);
    if (answer.ok || this.reading.usage.repairs >= this.#repairsAllowed) return this.#keep(passage, answer);
    this.reading.usage.repairs += 1;
    for (const half of halvesOf(this.#outline, passage)) this.#keep(half, await this.#askAbout(half));
  }

  result(): Reading {
    if (this.#usableAnswers === 0) throw new RequirementsError('MODEL_ANSWER_UNUSABLE', `${this.reading.usage.calls} calls`);
    this.reading.unread.sort((left, right) => left.start - right.start);
    return this.reading;
  }

  async #askAbout({ start, end, tokens }: Passage): Promise<ModelAnswer> {
    const { usage } = this.reading;
    usage.calls += 1;
    const headings = blockAt(this.#outline, start)?.path ?? [];
    const answer = await this.#ask({
      section: headings.map((heading) => this.#outline.text.slice(heading.start, heading.end)),
      passage: this.#outline.text.slice(start, end),
      maxTokens: answerTokens(tokens),
    });
    usage.prompt_tokens += answer.usage.prompt_tokens;
    usage.completion_tokens += answer.usage.completion_tokens;
    return answer;
  }

  /** Findings where the answer is usable; otherwise the passage is named as one that nothing is known about. */
  #keep({ start, end }: Passage, answer: ModelAnswer): void {
    if (!answer.ok) {
      this.reading.unread.push({ start, end, reason: answer.reason });
      return;
    }
    this.#usableAnswers += 1;
    this.#locate(start, end, answer.extraction);
  }

  /** The model is not asked where its quotes stand, and what it made up stands nowhere. */
  #locate(start: number, end: number, { requirements }: Extraction): void {
    const folded = fold(this.#outline.text.slice(start, end));
    for (const { quote, obligation, category } of requirements) {
      const places = findQuote(folded, quote);
      if (places.length === 0) this.reading.droppedQuotes += 1;
      for (const place of places) {
        this.reading.findings.push({ start: start + place.start, end: start + place.end, obligation, category });
      }
    }
  }
}

type ModelReading = Reading & { usage: NonNullable<Reading['usage']> };
