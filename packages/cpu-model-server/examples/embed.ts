import { startModelServer } from '@bluefly/cpu-model-server';

const server = await startModelServer({ port: 0 });
const answer = await fetch(`${server.url}/embed`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ inputs: ['The cat sat on the mat.', 'A cat sits on a mat.'] }),
});
const [first, second] = (await answer.json()) as [number[], number[]];
console.log('cosine', first.reduce((sum, value, index) => sum + value * (second[index] ?? 0), 0).toFixed(2));
await server.stop();
