import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { complianceEngineConfig } from '../src/config.ts';
import { controlSets } from '../src/scan/control-sets.ts';
import { scanLimits, scanRequest } from '../src/scan/scan-request.ts';
import { secretKinds } from '../src/secrets/secret-patterns.ts';
import { workloadUnits } from '../src/workload.ts';
import { clinicDocument, clinicEvidence, clinicGaps, expectedEvidence, expectedGaps, policyDocument } from './policy-document.ts';
import { recallOfForms, scoreOfScan, scoreOfSecrets } from './score.ts';
import { secretForms } from './secret-forms.ts';
import { type StartedService, startService } from './start-service.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** Rows of the first table behind a heading, without the backquotes. */
function table(heading: string): string[][] {
  const section = readme.slice(readme.indexOf(`${heading}\n`));
  const rows = section.slice(section.indexOf('\n|') + 1).split('\n');
  const end = rows.findIndex((row) => !row.startsWith('|'));
  return rows.slice(2, end).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** Figures with the six digits that every machine agrees on. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, one) => (typeof one === 'number' ? Number(one.toFixed(6)) : (one as unknown))));

describe('the README', () => {
  let service: StartedService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service[Symbol.asyncDispose]());

  const scan = async (payload: unknown): Promise<any> => (await service.post('/v1/compliance/scan', payload)).json();

  it('has an example that answers what it says', async () => {
    const { payload } = JSON.parse(/scan -d '(.*)'/.exec(readme)?.[1] as string);
    expect(rounded(await scan(payload))).toEqual(rounded(JSON.parse(/```json\n(.*?)```/s.exec(readme)?.[1] as string)));
  });

  it('has every route, setting and port', () => {
    const { handlers, workerPort, modelServerPort, workloadUnit } = complianceEngineConfig({});
    expect(table('# compliance-engine').map(([route]) => route)).toEqual(handlers.map(({ route }) => route));
    expect(table('## Settings').map(([name, fallback]) => [name, fallback])).toEqual([['WORKLOAD_UNIT', workloadUnit]]);
    expect(table('## Settings')[0]?.[2]).toContain(workloadUnits.join(' or '));
    expect(readme).toMatch(
      new RegExp(`it listens on port ${workerPort} and expects text-embeddings-inference with\\s+a reranker on port ${modelServerPort}`),
    );
  });

  it('has every field of a scan with its default, and the limits', () => {
    const fields = table('## Scans');
    const shape = scanRequest.in.shape;
    expect(fields.map(([name]) => name)).toEqual(Object.keys(shape));
    const defaults = Object.fromEntries(
      fields.filter(([, fallback]) => fallback !== '').map(([name, fallback]) => [name, JSON.parse(fallback as string)]),
    );
    expect(defaults).toEqual(
      shape.min_score && {
        min_score: shape.min_score.parse(undefined),
        top_n: shape.top_n.parse(undefined),
        return_text: shape.return_text.parse(undefined),
      },
    );
    for (const name of Object.keys(controlSets)) expect(readme).toContain(`\`${name}\``);
    for (const limit of Object.values(scanLimits).slice(0, 4)) expect(readme).toContain(limit.toLocaleString('en-US'));
    for (const kind of secretKinds) expect(readme).toContain(`\`${kind}\``);
  });

  it('tells how well it finds, as measured', async () => {
    const handbook = { name: 'the handbook', text: policyDocument().text, evidence: expectedEvidence, gaps: expectedGaps };
    const clinic = { name: 'the clinic', text: clinicDocument(), evidence: clinicEvidence, gaps: clinicGaps };
    const shares = ({ marked, precision, recall }: { marked: number; precision: number; recall: number }) => [
      String(marked),
      Number.isNaN(precision) ? 'none found' : precision.toFixed(2),
      recall.toFixed(2),
    ];
    const rows: string[][] = [];
    for (const document of [handbook, clinic]) {
      for (const minScore of [0.5, 0.99999999]) {
        const answer = await scan({ document: document.text, control_set: 'baseline', min_score: minScore });
        const { evidence, gaps } = scoreOfScan(answer, document.text, document);
        rows.push([document.name, String(minScore), ...shares(evidence), ...shares(gaps)]);
      }
      expect(readme).toContain(`${document.text.split(/\s+/).filter(Boolean).length.toLocaleString('en-US')} words`);
    }
    expect(table('#### Evidence and gaps')).toEqual(rows);
  });

  it('tells how well it finds secrets, as measured', () => {
    const { planted, precision, recall, lookAlikes } = scoreOfSecrets();
    expect(table('### How well it finds').map(([, ...figures]) => figures)).toEqual([
      [String(planted), precision.toFixed(2), recall.toFixed(2)],
      [String(secretForms.length), '', recallOfForms().toFixed(2)],
    ]);
    expect(readme).toContain(`${lookAlikes.toLocaleString('en-US')} look-alikes`);
  });
});
