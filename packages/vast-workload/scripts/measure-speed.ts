import { readFileSync } from 'node:fs';
import { estimateTokens } from '../src/tokens.ts';

/** Microseconds for a text of 1 KB and of 100 KB: node --conditions=@bluefly/source scripts/measure-speed.ts */
/** Strings as JSON.parse makes them: in one piece. */
const inOnePiece = (text: string) => JSON.parse(JSON.stringify(text)) as string;
const text = readFileSync(new URL('../fixtures/held-out/english.txt', import.meta.url), 'utf8');
for (const [name, sample] of [
  ['1 KB', inOnePiece(text.slice(0, 1024))],
  ['100 KB', inOnePiece(text.repeat(100).slice(0, 102_400))],
] as const) {
  const calls = 100_000;
  let tokens = 0;
  for (let n = 0; n < calls; n += 1) tokens += estimateTokens(sample);
  const rounds = Array.from({ length: 7 }, () => {
    const startedAt = performance.now();
    for (let n = 0; n < calls; n += 1) tokens += estimateTokens(sample);
    return ((performance.now() - startedAt) * 1000) / calls;
  }).sort((a, b) => a - b);
  console.log(
    `${name}: ${rounds[3]?.toFixed(2)} µs (${rounds[0]?.toFixed(2)}-${rounds[6]?.toFixed(2)}), ${tokens > 0 ? process.version : ''}`,
  );
}
