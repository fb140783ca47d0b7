import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyDocument } from '../document/testing.ts';
import { obligationOf } from './obligation-rules.ts';
import { readParties } from './parties.ts';

const parties = readParties('The Harbor Transit Authority (“HTA”) asks for proposals.');
const read = (sentence: string) => obligationOf(sentence, parties);

describe('obligations', () => {
  it.each([
    'The Contractor shall keep records for seven years.',
    'All work performed for the City shall be documented.',
    'Proposals must be sealed.',
    'The system will export its data.',
    'The Contractor, at the City’s request, will attend hearings.',
    'The vendor may not subcontract this work.',
    'Offerors are required to attend the conference.',
    'A bid bond is required.',
    'The Contractor is solely responsible for permits.',
    'Describe your approach to testing.',
    'Questions are due by March 5, 2027.',
    'City data must be encrypted.',
    'Any change that the City may request shall be priced.',
    'If the City so requests, the Contractor shall repeat the test.',
    'The **Contractor** _shall_ act.',
    'The HTA data shall stay in the country.',
    'The contractor cannot change the schedule.',
  ])('shall: %s', (sentence) => {
    expect(read(sentence)).toBe('shall');
  });

  it.each([
    'The proposal should describe the team.',
    'Offerors are strongly encouraged to visit the site.',
    'Experience with ferries is preferred.',
    'The contractor is expected to work on weekends.',
  ])('should: %s', (sentence) => {
    expect(read(sentence)).toBe('should');
  });

  it.each([
    'The contractor may propose an alternative.',
    'Offerors are free to add appendices.',
    'Alternates may be submitted in a separate envelope.',
  ])('may: %s', (sentence) => {
    expect(read(sentence)).toBe('may');
  });

  it.each([
    'The City shall pay invoices within thirty days.',
    'The City will provide office space and shall maintain it.',
    'HTA may cancel this request at any time.',
    'If the Contractor fails to deliver, the City may terminate the contract.',
    'Proposals will be evaluated by a committee.',
    'Late proposals will not be considered.',
    'Failure to sign may result in rejection.',
    'The work begins in May 2027.',
    'Must the proposal be in English?',
    '“Shall” and “must” express an obligation.',
    '“Services” shall mean everything in section 4.',
    'Finalists may be required to give a presentation.',
    'The evaluation committee should finish its work in June.',
    'The bus fleet has 212 vehicles.',
    'Delays may occur in winter.',
    '',
  ])('none: %s', (sentence) => {
    expect(read(sentence)).toBeUndefined();
  });

  it('takes the strongest of several', () => {
    expect(read('The contractor may use subcontractors, but shall name them and should describe them.')).toBe('shall');
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(anyDocument, (text) => {
        obligationOf(text, readParties(text));
      }),
    );
  });
});
