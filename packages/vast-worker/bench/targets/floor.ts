import type { KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AuthData, parseEnvelope, parsePublicKey, verifySignature } from '@bluefly/vast-protocol';
import { type Dispatcher, Pool } from 'undici';

/**
 * The floor: the least that a careful Node proxy can do and still be called one. It parses the same envelope, remembers
 * signatures, runs the same calculator, and hands the answer on as it comes, with back-pressure and aborts. No queue,
 * no books, no metrics, no reports, no limits, no logs.
 */

const pool = new Pool(process.env.MODEL_SERVER as string, { connections: 1_000, pipelining: 1 });
const remembered = new Set<string>();
let key: KeyObject | undefined;
let load = 0;

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => serve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), request, response));
});

function serve(body: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const envelope = parseEnvelope(body);
  if (!envelope.ok) return refuse(response, 422);
  if (!isGenuine(envelope.auth)) return refuse(response, 401);
  const workload = (envelope.payload.workload as number | undefined) ?? 1;
  load += workload;
  response.once('close', () => {
    load -= workload;
  });
  pool.dispatch(
    { path: request.url as string, method: 'POST', headers: { 'content-type': 'application/json' }, body: envelope.payloadBytes },
    relay(response),
  );
}

function isGenuine(auth: AuthData): boolean {
  const memo = `${auth.signature} ${auth.url}`;
  if (remembered.has(memo)) return true;
  if (!key || !verifySignature({ key, form: 'url', auth })) return false;
  remembered.add(memo);
  return true;
}

function relay(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      response.once('close', () => {
        if (!response.writableFinished) controller.abort(new Error('the client left'));
      });
    },
    onResponseStart(_controller, status, headers) {
      response.writeHead(status, headers);
      if (headers['content-length'] === undefined) response.flushHeaders();
    },
    onResponseData(controller, chunk) {
      if (response.write(chunk)) return;
      controller.pause();
      response.once('drain', () => controller.resume());
    },
    onResponseEnd() {
      response.end();
    },
    onResponseError() {
      if (response.headersSent) response.destroy();
      else refuse(response, 502);
    },
  };
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

const answer = await fetch(`${process.env.REPORT_ADDR}/pubkey/`);
key = parsePublicKey(await answer.text());
server.listen(0, '127.0.0.1', () => process.send?.({ type: 'port', port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit());
