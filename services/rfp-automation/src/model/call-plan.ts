import type { Passage, PassageLimits } from '../document/passages.ts';
import { RequirementsError } from '../errors.ts';
import type { WorkloadUnit } from '../generation-workload.ts';
import { promptOverheadTokens } from './extraction-prompt.ts';

/** Which calls a document takes: how long passages and answers are, how many may be repaired, and what all of it costs at most. */

/** Longer passages are read less carefully, whatever the context holds. */
const longestPassageTokens = 1500;
const overlapTokens = 100;
/** Tokens are estimated: a fifth of the context is left for what the estimate misses. */
const usableShare = 0.8;
/** Below this there is more instruction than document in a call. */
const shortestPassageTokens = 100;

/** Quotes are no longer than the passage; the other half is for what is said about them. */
export const answerTokens = (passageTokens: number): number => 2 * passageTokens + 256;

/** @throws RequirementsError MODEL_CONTEXT_TOO_SHORT */
export function passageLimits(contextTokens: number): PassageLimits {
  const room = Math.floor((contextTokens * usableShare - promptOverheadTokens - answerTokens(0)) / 3);
  const passageTokens = Math.min(longestPassageTokens, room);
  if (passageTokens < shortestPassageTokens) throw new RequirementsError('MODEL_CONTEXT_TOO_SHORT', `${contextTokens} tokens`);
  return { passageTokens, overlapTokens: Math.min(overlapTokens, passageTokens >> 3) };
}

/** A model that fails more often than every fourth time is not the model for this. */
export const repairsAllowed = (passageCount: number): number => Math.ceil(passageCount / 4);

/** A repair reads each half of a passage; halves are cut between sentences, which adds a token here and there. */
const halvesOverhead = 4;

/** What the calls may cost at most, repairs included, in the worker's unit. */
export function callsWorkload(passages: readonly Passage[], unit: WorkloadUnit): number {
  const sizes = passages.map(({ tokens }) => tokens).sort((left, right) => right - left);
  const repaired = sizes.slice(0, repairsAllowed(sizes.length));
  const reads = sum(sizes, (tokens) => costOfCalls(1, tokens, unit));
  return reads + sum(repaired, (tokens) => costOfCalls(2, tokens + halvesOverhead, unit));
}

/** Of `count` calls with passages of `passageTokens` together. */
function costOfCalls(count: number, passageTokens: number, unit: WorkloadUnit): number {
  const answers = 2 * passageTokens + count * answerTokens(0);
  return unit === 'max_tokens' ? answers : answers + passageTokens + count * promptOverheadTokens;
}

const sum = (values: readonly number[], measure: (value: number) => number) => values.reduce((total, value) => total + measure(value), 0);
