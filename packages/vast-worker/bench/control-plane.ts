import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FakeControlPlane } from '../src/testing/index.ts';

/** The fake control plane, and a collector that takes spans and forgets them, as a process of their own. Tells its parent the address and key, and of each worker that is ready. */
export type ControlPlaneMessage =
  | { type: 'listening'; url: string; collectorUrl: string; privateKeyPem: string }
  /** `id`: the worker's CONTAINER_ID; `at`: epoch ms. */
  | { type: 'ready'; id: number; at: number };

const controlPlane = new FakeControlPlane();
const known = new Set<number>();
/** Looked at after each report; what is kept of hours of them would grow. */
void controlPlane.until(() => {
  for (const { id, loadtime } of controlPlane.statuses.splice(0)) tell(id, loadtime);
  controlPlane.deletions.length = 0;
  controlPlane.headers.length = 0;
  return false;
});

function tell(id: number, loadtime: number): void {
  if (loadtime === 0 || known.has(id)) return;
  known.add(id);
  process.send?.({ type: 'ready', id, at: Date.now() } satisfies ControlPlaneMessage);
}

process.on('disconnect', () => process.exit());
const collector = createServer((request, response) => request.resume().once('end', () => response.writeHead(200).end('{}')));
collector.listen(0, '127.0.0.1');
await Promise.all([controlPlane.listen(), once(collector, 'listening')]);
const collectorUrl = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
const privateKeyPem = controlPlane.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
process.send?.({ type: 'listening', url: controlPlane.url, collectorUrl, privateKeyPem } satisfies ControlPlaneMessage);
