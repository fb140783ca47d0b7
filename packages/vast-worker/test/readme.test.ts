import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { httpLimits } from '../src/adapters/http-server.ts';
import { failureCatalogue } from '../src/domain/model-server-failures.ts';
import { endingOfError, endingOfStatus } from '../src/domain/outcome.ts';
import { type ErrorCode, errorCatalogue } from '../src/errors.ts';
import { startRig } from '../src/testing/index.ts';
import { loadConfig, WorkerConfig } from '../src/worker/config.ts';
import { environmentVariables } from '../src/worker/environment.ts';
import { HandlerConfig } from '../src/worker/handler-config.ts';

/** Rows of the table under a heading: cells without the backquotes. */
async function table(heading: string): Promise<string[][]> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2);
  return rows.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
const plain = (text: string | undefined) => (text ?? '').replaceAll('`', '');

describe('the README', () => {
  it('has every error with its status and words', async () => {
    const rows = (await table('Errors')).map(([code, status, message]) => [plain(code), Number(status), message]);
    expect(rows).toEqual(Object.entries(errorCatalogue).map(([code, { status, safeMessage }]) => [code, status, safeMessage]));
  });

  it('has every variable with its default and meaning', async () => {
    const rows = (await table('Environment')).map((cells) => cells.map(plain));
    expect(rows).toEqual(environmentVariables.map(({ name, fallback, meaning }) => [name, plain(fallback), plain(meaning)]));
  });

  it('has every option of worker and handlers', async () => {
    const names = async (heading: string) => (await table(heading)).flatMap(([cell]) => plain(cell).split(', ')).sort();
    expect(await names('Worker options')).toEqual(Object.keys(WorkerConfig.shape).sort());
    expect(await names('Handlers')).toEqual(Object.keys(HandlerConfig.shape).sort());
  });

  it('has every limit of the port with its figure', async () => {
    const limits = (await table('Limits')).map(([, limit]) => Number.parseInt(plain(limit), 10));
    const { maxBodyBytes, maxBodyDepth } = loadConfig({ handlers: [{ route: '/a' }] }, { UNSECURED: 'true' });
    const { maxHeaderBytes, headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, maxConnections } = httpLimits;
    const seconds = [headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs].map((ms) => ms / 1000);
    expect(limits).toEqual([maxBodyBytes, maxBodyDepth, maxHeaderBytes, ...seconds, maxConnections]);
  });

  it('has every known failure of model servers', async () => {
    const rows = (await table('The model server as a child')).filter((cells) => cells.length === 3).slice(2);
    expect(rows).toEqual(
      failureCatalogue.map(({ reason, advice, isPermanent }) => [reason, advice.replaceAll('$1', '*n*'), isPermanent ? 'no' : 'yes']),
    );
  });

  it('has every outcome with its reasons', async () => {
    const rows = (await table('Outcomes')).map(([outcome, reasons]) => [
      plain(outcome),
      [...(reasons ?? '').matchAll(/`(\w+)`/g)].map(([, reason]) => reason),
    ]);
    const statuses = [200, 404, 424, 429, 500].map(endingOfStatus);
    const codes = [...Object.keys(errorCatalogue), undefined].map((code) => endingOfError(code as ErrorCode | undefined));
    const refusals = ['worker_not_ready', 'worker_draining', 'queue_too_long', 'queue_full', 'share_exceeded'].map((reason) => ({
      outcome: 'rejected',
      reason,
    }));
    const reasonsOf = (outcome: string) =>
      [...statuses, ...codes, ...refusals].filter((ending) => ending.outcome === outcome).map(({ reason }) => reason);
    for (const [outcome, reasons] of rows as [string, string[]][]) {
      const shown = reasons.filter((reason) => !['rej_load', 'new_load'].includes(reason));
      expect({ outcome, reasons: new Set(shown) }).toEqual({ outcome, reasons: new Set(reasonsOf(outcome)) });
    }
    expect(rows).toHaveLength(4);
  });

  it('has every metric of ours, and no other', async () => {
    await using rig = await startRig();
    const shown = (await rig.get('/metrics')).text;
    const ours = [...shown.matchAll(/^# HELP (vast_worker_\S+) (.*)$/gm)].filter(([, name]) => !/_(process|nodejs)_/.test(name ?? ''));
    const rows = (await table('Metrics')).map(([name, help]) => [plain(name), help] as const);
    expect(new Map(rows)).toEqual(new Map(ours.map(([, name, help]) => [name, help] as const)));
  });
});
