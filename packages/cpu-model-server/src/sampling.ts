/** From the logits of one step to the next token, as vLLM's settings mean it. Pure but for the random number it is given. */

export interface SamplingSettings {
  /** 0 is greedy. */
  temperature: number;
  /** The most likely tokens that together have this probability are left; 1: all. */
  topP: number;
  /** So many of the most likely are left; 0: all. */
  topK: number;
  /** Tokens below this share of the most likely one's probability are left out. */
  minP: number;
  /** Divides the logits of tokens that are in the prompt or the answer; 1: off. */
  repetitionPenalty: number;
  /** Taken off the logits of tokens that are in the answer. */
  presencePenalty: number;
  /** Taken off them once per occurrence. */
  frequencyPenalty: number;
}

export interface SamplingState {
  prompt: ReadonlySet<number>;
  /** How often each token is in the answer so far. */
  generated: ReadonlyMap<number, number>;
  /** Tokens that must not be chosen. */
  banned: readonly number[];
}

/** @param random gives a number from 0 up to but not including 1 */
export function chooseToken(
  logits: Float32Array,
  settings: SamplingSettings,
  { prompt, generated, banned }: SamplingState,
  random: () => number,
): number {
  const scores = Float32Array.from(logits);
  for (const id of new Set([...prompt, ...generated.keys()])) scores[id] = penalize(scores[id] as number, settings.repetitionPenalty);
  for (const [id, count] of generated) {
    scores[id] = (scores[id] as number) - settings.presencePenalty - settings.frequencyPenalty * count;
  }
  for (const id of banned) scores[id] = -Infinity;
  return settings.temperature === 0 ? indexOfGreatest(scores) : sample(scores, settings, random);
}

const penalize = (score: number, penalty: number) => (score > 0 ? score / penalty : score * penalty);

function indexOfGreatest(scores: Float32Array): number {
  let best = 0;
  for (let id = 1; id < scores.length; id += 1) if ((scores[id] as number) > (scores[best] as number)) best = id;
  return best;
}

function sample(scores: Float32Array, { temperature, topP, topK, minP }: SamplingSettings, random: () => number): number {
  const greatest = scores[indexOfGreatest(scores)] as number;
  const weights = scores.map((score) => Math.exp((score - greatest) / temperature)); // the most likely one weighs 1
  const isCut = topK > 0 || topP < 1;
  const ids = Uint32Array.from(weights.keys()).filter((id) => (weights[id] as number) >= minP);
  if (isCut) ids.sort((left, right) => (weights[right] as number) - (weights[left] as number));
  const kept = isCut ? mostLikely(ids.subarray(0, topK > 0 ? topK : undefined), weights, topP) : ids;
  const total = sum(kept, weights);
  let left = random() * total;
  for (const id of kept) {
    left -= weights[id] as number;
    if (left < 0) return id;
  }
  return indexOfGreatest(scores); // rounding ate the rest
}

/** @param ids most likely first */
function mostLikely(ids: Uint32Array, weights: Float32Array, topP: number): Uint32Array {
  if (topP >= 1) return ids;
  const wanted = topP * sum(ids, weights);
  let reached = 0;
  const end = ids.findIndex((id) => (reached += weights[id] as number) >= wanted);
  return end === -1 ? ids : ids.subarray(0, end + 1);
}

const sum = (ids: Uint32Array, weights: Float32Array) => ids.reduce((total, id) => total + (weights[id] as number), 0);
