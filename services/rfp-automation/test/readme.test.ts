import { readFileSync } from 'node:fs';
import { startRig } from '@bluefly/vast-worker/testing';
import { describe, expect, it } from 'vitest';
import { rfpAutomationConfig } from '../src/config.ts';
import { readOutline } from '../src/document/outline.ts';
import { toRequirements } from '../src/document/requirements.ts';
import { requirementsErrors } from '../src/errors.ts';
import { createHandlers } from '../src/handlers.ts';
import { unusableReasons } from '../src/model/ask-model.ts';
import { categories, obligations } from '../src/requirement.ts';
import { maxDocumentBytes } from '../src/requirements-request.ts';
import { longestSentence, RulesReader } from '../src/rules/rules-reader.ts';
import { readServiceSettings } from '../src/settings.ts';
import { readFixture, scoreOf } from './score.ts';

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

describe('the README', () => {
  it('has an example that answers what it says', async () => {
    const body = /requirements -d '(.*)'/.exec(readme)?.[1] as string;
    const shown = /```json\n(.*?)```/s.exec(readme)?.[1] as string;
    await using rig = await startRig({ handlers: createHandlers({ method: 'rules', workloadUnit: 'max_tokens' }) });
    const reply = await rig.send('/v1/rfp/requirements', body);
    expect(reply.json()).toEqual(JSON.parse(shown));
  });

  it('has every route', () => {
    expect(table('# rfp-automation').map(([route]) => route)).toEqual(rfpAutomationConfig({}).handlers.map(({ route }) => route));
    expect(readme).toContain(`${maxDocumentBytes.toLocaleString('en-US')} bytes`);
    expect(readme).toContain(`${longestSentence.toLocaleString('en-US')} code units`);
  });

  it('has every setting with its default, and the ports', () => {
    const rows = table('## Settings');
    expect(rows.map(([name]) => name)).toEqual(['RFP_METHOD', 'WORKLOAD_UNIT']);
    const { problems, workloadUnit } = readServiceSettings({});
    expect(problems).toEqual([{ where: 'environment variable RFP_METHOD', expected: 'model or rules', found: 'nothing' }]);
    expect(rows.map(([, fallback]) => fallback)).toEqual(['required', workloadUnit]);
    const { workerPort, modelServerPort } = rfpAutomationConfig({});
    expect(readme).toContain(`it listens on port ${workerPort} and expects vLLM on port ${modelServerPort}`);
  });

  it('has every field of a requirement, and every word in them', () => {
    const example = JSON.parse(/```json\n(.*?)```/s.exec(readme)?.[1] as string);
    expect(table('## Requirements').flatMap(([names]) => (names as string).split(', '))).toEqual(
      Object.keys(example.requirements[0]).sort(byTable),
    );
    const words = (name: string) =>
      table('## Requirements')
        .find(([names]) => names === name)?.[1]
        ?.split(/, | or /);
    expect(words('obligation')).toEqual(obligations);
    expect(words('category')).toEqual(categories);
    for (const reason of unusableReasons) expect(readme).toContain(`\`${reason}\``);
  });

  it('has every error with its status and words', () => {
    const rows = table('## Errors').map(([code, status, message]) => [code, Number(status), message]);
    expect(rows).toEqual(Object.entries(requirementsErrors).map(([code, { status, safeMessage }]) => [code, status, safeMessage]));
  });

  it('tells how well rules read, as measured', () => {
    const rows = table('### How well rules read');
    const measured = rows.map(([name]) => {
      const { document, expected } = readFixture(name as string);
      const outline = readOutline(document);
      const reader = new RulesReader(outline);
      const requirements = toRequirements(
        outline,
        outline.blocks.flatMap((_, index) => reader.read(index)),
      );
      const { precision, recall, sameObligation, sameCategory } = scoreOf(expected, requirements);
      const words = document.split(/\s+/).filter(Boolean).length.toLocaleString('en-US');
      const shares = [precision, recall, sameObligation, sameCategory].map((share) => share.toFixed(2));
      return [name, words, String(expected.length), ...shares];
    });
    expect(rows).toEqual(measured);
    expect(rows).toHaveLength(2);
  });
});

/** The README tells of the words before the places. */
const order = ['id', 'reference', 'section', 'obligation', 'category', 'text', 'start', 'end', 'lead', 'due', 'occurrences'];
const byTable = (left: string, right: string) => order.indexOf(left) - order.indexOf(right);
