import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../src/adapters/log-tail.ts';
import { type LogRules, readLogLine } from '../src/domain/log-lines.ts';
import { teiLogRules, vllmLogRules } from '../src/domain/log-rules.ts';

/** What a worker makes of a whole log: whether the model loaded, and whether an error came before or after that. */
function classify(file: string, rules: LogRules) {
  const splitter = new LineSplitter();
  const bytes = readFileSync(new URL(`../fixtures/${file}`, import.meta.url));
  const seen: string[] = [];
  for (const line of [...splitter.push(bytes), ...splitter.flush()]) {
    const meaning = readLogLine(line, rules);
    if (meaning && meaning.kind !== 'progress' && seen.at(-1) !== meaning.kind) seen.push(meaning.kind);
  }
  return seen;
}

const [loads, failsToStart, diesLater] = [['model-loaded'], ['model-error'], ['model-loaded', 'model-error']];

describe('the logs of model servers', () => {
  it.each([
    ['tei-start-ok.plain.log', teiLogRules, loads],
    ['tei-start-ok.ansi.log', teiLogRules, loads],
    ['tei-start-ok.jsonl', teiLogRules, loads],
    ['tei-oom-failure.plain.log', teiLogRules, failsToStart],
    ['tei-oom-warmup.json.log', teiLogRules, failsToStart],
    ['vllm-start-ok.log', vllmLogRules, loads],
    ['vllm-oom-failure.log', vllmLogRules, failsToStart],
    ['vllm-kv-cache-too-small-failure.log', vllmLogRules, failsToStart],
    ['vllm-engine-crash.log', vllmLogRules, diesLater],
  ])('%s', (file, rules, expected) => {
    expect(classify(file, rules)).toEqual(expected);
  });

  it('are not mistaken for each other', () => {
    expect(classify('vllm-start-ok.log', teiLogRules)).toEqual([]);
    expect(classify('tei-start-ok.plain.log', vllmLogRules)).toEqual([]);
  });
});
