import { readFileSync } from 'node:fs';
import { plantedSecrets } from './secret-corpus.ts';

/**
 * A handbook of policies, 9,800 words on about 30 pages, with fake secrets put in where it has `{{kind}}`. They are made
 * by a generator, so that the file itself holds none.
 */
export function policyDocument(): { text: string; secrets: { kind: string; value: string; start: number; end: number }[] } {
  const template = readFileSync(new URL('./fixtures/policy.txt', import.meta.url), 'utf8');
  const fakes = new Map(plantedSecrets(1).map(({ kind, text, start, end }) => [kind as string, text.slice(start, end)]));
  const secrets: { kind: string; value: string; start: number; end: number }[] = [];
  let text = '';
  let at = 0;
  for (const { 0: slot, 1: kind, index } of template.matchAll(/\{\{([a-z-]+)\}\}/g)) {
    const fake = fakes.get(kind as string) as string;
    const value = kind === 'url-password' ? `amqp://test:${fake}@mq.example.com/jobs` : kind === 'password' ? `password: "${fake}"` : fake;
    text += template.slice(at, index);
    const start = text.length + value.indexOf(fake);
    secrets.push({ kind: kind as string, value: fake, start, end: start + fake.length });
    text += value;
    at = index + slot.length;
  }
  return { text: text + template.slice(at), secrets };
}

/** What the handbook says about each requirement of the baseline: words of the passage. The four others it does not mention. */
export const expectedEvidence: Record<string, string> = {
  'least-privilege': 'Access follows the principle of least privilege',
  'multi-factor': 'Multi-factor authentication is required for every kind',
  'access-reviews': 'Access rights are reviewed at regular intervals',
  leavers: 'their access is revoked on the day on which the old role ends',
  'at-rest': 'Data at rest is encrypted',
  'in-transit': 'All traffic that leaves a building is encrypted in transit',
  'key-management': 'Cryptographic keys are generated in the hardware module',
  algorithms: 'Only approved cryptographic algorithms',
  'audit-events': 'Security events are recorded in audit logs by every system',
  'log-protection': 'they are protected against alteration and deletion',
  monitoring: 'Logs are monitored around the day',
  schedule: 'The retention schedule in annex A',
  deletion: 'At the end of their retention period records are deleted',
  'contract-end': 'At the end of the contract customer data is returned',
  reporting: 'Everybody who suspects a security incident reports it immediately',
  roles: 'Incidents are handled by the incident response team',
  notification: 'Customers are notified of a personal data breach',
  'due-diligence': 'are assessed for security before the contract is signed',
  'contract-terms': 'Contracts with suppliers contain the security obligations',
  'supplier-reviews': 'Critical suppliers are reviewed every year',
};

export const expectedGaps = ['clock', 'legal-hold', 'lessons', 'offboarding'];

/**
 * Another one, a clinic's, marked before it was scanned for the first time; neither the controls nor the patterns nor the
 * threshold were changed for it. It says things in its own words.
 */
export const clinicDocument = () => readFileSync(new URL('./fixtures/clinic.md', import.meta.url), 'utf8');

export const clinicEvidence: Record<string, string> = {
  'least-privilege': 'What an account may open follows from the job',
  'multi-factor': 'needs a second factor',
  leavers: 'closes the account before noon',
  'at-rest': 'with their disks encrypted',
  'in-transit': 'whose connections use TLS 1.2',
  'audit-events': 'failed sign-ins and changes of rights',
  'log-protection': 'can read and cannot change',
  monitoring: 'looks at fifty openings chosen by lot',
  clock: 'take their time from the clock',
  schedule: '| Charts | ten years',
  deletion: 'What has reached the end of its time',
  'legal-hold': 'taken out of every deletion',
  reporting: 'tells the practice manager at once',
  roles: 'meet within the hour, decide who leads',
  notification: 'within seventy-two hours, and so do the patients',
  lessons: 'ask how it could happen at all',
  'due-diligence': 'the forty questions of the chamber',
  'contract-terms': 'look at their rooms and their records',
};

export const clinicGaps = ['access-reviews', 'key-management', 'algorithms', 'contract-end', 'supplier-reviews', 'offboarding'];
