import { startModelServer } from '@bluefly/cpu-model-server';
import OpenAI from 'openai';

const server = await startModelServer({ dialect: 'vllm', port: 0 });
const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });
const stream = await openai.chat.completions.create({
  model: 'bluefly/lexical',
  messages: [{ role: 'user', content: 'Audit logs are kept for a year. Cats sleep. How long are audit logs kept?' }],
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '\n');
await server.stop();
