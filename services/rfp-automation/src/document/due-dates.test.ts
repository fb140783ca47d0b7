import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueDatesIn } from './due-dates.ts';

const read = (sentence: string) =>
  dueDatesIn(sentence, { start: 0, end: sentence.length }).map(({ start, end, date, time, within }) => ({
    text: sentence.slice(start, end),
    ...(within ? { within: `${within.amount} ${within.unit}` } : { date, time }),
  }));

describe('due dates', () => {
  it.each([
    ['Questions are due by March 5, 2027.', 'March 5, 2027', '2027-03-05', null],
    [
      'Submit no later than 3:00 p.m. Central Time on Friday, 12 March 2027.',
      '3:00 p.m. Central Time on Friday, 12 March 2027',
      '2027-03-12',
      '15:00',
    ],
    ['Proposals shall arrive before March 5th, 2027 at 14:30.', 'March 5th, 2027 at 14:30', '2027-03-05', '14:30'],
    ['The deadline for submission of proposals is 2027-03-15.', '2027-03-15', '2027-03-15', null],
    ['It shall run until 31.12.2029.', '31.12.2029', '2029-12-31', null],
    ['All units shall be installed by **Sept. 30, 2027**.', 'Sept. 30, 2027', '2027-09-30', null],
    ['Due date: 03/25/2027', '03/25/2027', '2027-03-25', null],
    ['Bids must be received by noon (EST) on the 2nd day of April 2027.', 'noon (EST) on the 2nd day of April 2027', '2027-04-02', '12:00'],
    ['It must be in use by close of business on 1 May 2027.', 'close of business on 1 May 2027', '2027-05-01', null],
  ])('%s', (sentence, text, date, time) => {
    expect(read(sentence)).toEqual([{ text, date, time }]);
  });

  it.each([
    ['The contractor shall report within ten (10) business days of the request.', 'ten (10) business days', '10 business-day'],
    ['It shall answer within 4 hours.', '4 hours', '4 hour'],
    ['Invoices shall be sent no later than thirty days after delivery.', 'thirty days', '30 day'],
    ['Notice must be given at least forty-five working days before the end.', 'forty-five working days', '45 business-day'],
    ['within a period of 6 months', 'a period of 6 months', '6 month'],
    ['The deadline of 30 days shall not apply; deliver within the first two weeks.', 'the first two weeks', '2 week'],
    ['The plan is due 30 calendar days after award.', '30 calendar days', '30 day'],
  ])('%s', (sentence, text, within) => {
    expect(read(sentence)).toEqual([{ text, within }]);
  });

  it('does not guess which number of 03/04/2027 is the month', () => {
    expect(read('due by 03/04/2027')).toEqual([{ text: '03/04/2027', date: null, time: null }]);
    expect(read('due by 04/04/2027')).toEqual([{ text: '04/04/2027', date: '2027-04-04', time: null }]);
  });

  it('reads several in one sentence', () => {
    const found = read('The vendor shall answer within 15 minutes, and close the case within 3 days or by June 1, 2027.');
    expect(found.map(({ text }) => text)).toEqual(['15 minutes', '3 days', 'June 1, 2027']);
  });

  it.each([
    'The agreement of 1 March 2026 stays in force.',
    'It must be done by February 30, 2027.',
    'The team shall have at least five years of experience.',
    'The proposal shall have at most 50 pages, sorted by section 3.',
    'Records are kept for 7 years.',
    'It may be provided by the vendor.',
  ])('finds none in: %s', (sentence) => {
    expect(read(sentence)).toEqual([]);
  });

  it('gives ranges inside the sentence, ascending, that reproduce the day it says, whatever stands around', () => {
    const day = fc.date({ min: new Date('2020-01-01'), max: new Date('2039-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(fc.string(), day, fc.string(), (before, date, after) => {
        const iso = date.toISOString().slice(0, 10);
        const text = `${before} by ${iso} ${after}`;
        const range = { start: before.length, end: text.length };
        const found = dueDatesIn(text, range);
        expect(found[0]).toMatchObject({ date: iso, start: before.length + 4, end: before.length + 14 + (found[0]?.time ? 6 : 0) });
        for (const [index, due] of found.entries()) {
          expect(due.start).toBeGreaterThanOrEqual(found[index - 1]?.end ?? range.start);
          expect(due.end).toBeLessThanOrEqual(range.end);
        }
      }),
    );
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('by', 'within', '3', ':', '00', 'p.m.', 'March', '2027', '/', '30', 'days', '(', ')', 'noon', ' ')),
        (parts) => {
          const text = parts.join(' ');
          dueDatesIn(text, { start: 0, end: text.length });
        },
      ),
    );
  });
});
