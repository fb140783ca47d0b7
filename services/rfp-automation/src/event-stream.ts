/** Server-sent events of JSON, `[DONE]` at the end, made no faster than they are read. */
export function eventStream(events: AsyncIterable<object>): Response {
  return new Response(ReadableStream.from(encoded(events)), {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
  });
}

async function* encoded(events: AsyncIterable<object>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const event of events) yield encoder.encode(`data: ${JSON.stringify(event)}\n\n`);
  yield encoder.encode('data: [DONE]\n\n');
}
