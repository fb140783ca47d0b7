import { expect, it } from 'vitest';
import { ContextLength } from './context-length.ts';

const serverSaying = (status: number, body: unknown) => {
  const asked: string[] = [];
  const callModel = async (path: string) => {
    asked.push(path);
    return Response.json(body, { status });
  };
  return { asked, callModel };
};

it('is what the model server says, asked once', async () => {
  const { asked, callModel } = serverSaying(200, { data: [{ id: 'm', max_model_len: 4096 }] });
  const context = new ContextLength();
  expect(context.tokens).toBe(8192);
  expect(await context.ask(callModel)).toBe(4096);
  expect(await context.ask(callModel)).toBe(4096);
  expect(context.tokens).toBe(4096);
  expect(asked).toEqual(['/v1/models']);
});

it.each([
  [404, { detail: 'Not Found' }],
  [200, { data: [] }],
  [200, { data: [{ max_model_len: null }] }],
])('is 8192 when the server does not say: %d %j', async (status, body) => {
  expect(await new ContextLength().ask(serverSaying(status, body).callModel)).toBe(8192);
});
