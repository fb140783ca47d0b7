import type { CallModel } from '@bluefly/vast-worker';

/** For a server that does not say. */
const defaultContextTokens = 8192;

/** The model's context in tokens, as `/v1/models` tells it: asked once, when the first document comes. */
export class ContextLength {
  #known: number | undefined;

  /** What is known so far. */
  get tokens(): number {
    return this.#known ?? defaultContextTokens;
  }

  /** @throws WorkerError as `callModel` does */
  async ask(callModel: CallModel): Promise<number> {
    this.#known ??= (await askServer(callModel)) ?? defaultContextTokens;
    return this.#known;
  }
}

async function askServer(callModel: CallModel): Promise<number | undefined> {
  const answer = await callModel('/v1/models', { method: 'GET' });
  const text = await answer.text();
  if (!answer.ok) return undefined;
  const models = JSON.parse(text) as { data?: { max_model_len?: unknown }[] };
  const length = models.data?.[0]?.max_model_len;
  return typeof length === 'number' && length > 0 ? length : undefined;
}
