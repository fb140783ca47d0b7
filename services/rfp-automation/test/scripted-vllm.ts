import type { Answer, FakeModelServer } from '@bluefly/vast-worker/testing';

/** vLLM's chat completions, answered by a script: what a model might write, and how a server might fail. */

export interface ChatCall {
  /** The user's message from the passage on. */
  passage: string;
  body: Record<string, any>;
  /** How many calls came before. */
  number: number;
}

export type Scripted =
  | { content: string; finish?: 'stop' | 'length' | null }
  /** Leaves after the first pieces. */
  | { dies: true; content?: string }
  /** An error behind the first pieces, as vLLM tells it with status 200. */
  | { failsWith: string }
  | { status: number; message: string };

/** Lets the fake model server answer chat completions by `script`, as streams of many chunks. */
export function scriptChat(model: FakeModelServer, script: (call: ChatCall) => Scripted): void {
  let number = 0;
  model.answer = ({ body, response, path }: Parameters<Answer>[0]) => {
    if (path !== '/v1/chat/completions') {
      response.writeHead(404).end('{"detail":"Not Found"}');
      return;
    }
    const request = JSON.parse(body.toString());
    const passage = (request.messages.at(-1).content as string).split('Passage:\n\n').slice(1).join('Passage:\n\n');
    const answer = script({ passage, body: request, number });
    number += 1;
    if ('status' in answer) {
      const error = { message: answer.message, type: 'BadRequestError', param: null, code: answer.status };
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
      return;
    }
    const send = (event: object) => response.write(`data: ${JSON.stringify(event)}\n\n`);
    const chunk = (delta: object, finish: string | null = null) =>
      send({
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'served',
        choices: [{ index: 0, delta, finish_reason: finish }],
      });
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    chunk({ role: 'assistant', content: '' });
    const content = 'content' in answer ? (answer.content ?? '') : '{"requirements":[';
    for (let at = 0; at < content.length; at += 40) chunk({ content: content.slice(at, at + 40) });
    if ('dies' in answer) {
      setImmediate(() => response.destroy());
      return;
    }
    if ('failsWith' in answer) {
      send({ error: { message: answer.failsWith, type: 'InternalServerError', param: null, code: 500 } });
    } else if (answer.finish !== null) {
      chunk({}, answer.finish ?? 'stop');
      send({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'served', choices: [], usage: usageOf(content) });
    }
    response.end('data: [DONE]\n\n');
  };
}

const usageOf = (content: string) => ({ prompt_tokens: 700, completion_tokens: content.length, total_tokens: 700 + content.length });

/** What a good model would answer: every sentence of the passage with a verb that obliges. */
export const honest = ({ passage }: ChatCall): Scripted => ({ content: JSON.stringify({ requirements: quotesIn(passage) }) });

const quotesIn = (passage: string) =>
  [...passage.matchAll(/[A-Z][^.]*\b(shall|should|may)\b[^.]*\./g)].map(([quote, obligation]) => ({
    quote,
    obligation,
    category: 'other',
  }));
