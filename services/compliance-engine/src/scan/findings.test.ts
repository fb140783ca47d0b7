import { describe, expect, it } from 'vitest';
import { findingsOf, type Scored } from './findings.ts';

/** Logits of 0 are a score of 0.5, of 3 are 0.95, of −3 are 0.05. */
const scored = (logits: number[][], more: Partial<Scored> = {}): Scored => ({
  controls: [{ id: 'c', title: 'C', requirements: logits.map((_, index) => ({ id: `r${index}`, text: `Requirement ${index}.` })) }],
  passages: (logits[0] ?? []).map((_, index) => ({ source: 0, start: index * 10, end: index * 10 + 9 })),
  areSourcesNumbered: false,
  minScore: 0.5,
  topN: 3,
  logits,
  secrets: [],
  textOf: undefined,
  ...more,
});
const control = (logits: number[][], more?: Partial<Scored>) => findingsOf(scored(logits, more)).controls[0]!;
const starts = (logits: number[][], more?: Partial<Scored>) => control(logits, more).evidence.map(({ start }) => start / 10);

describe('evidence', () => {
  it('is ranked best first, and at least as good as asked for', () => {
    expect(starts([[-3, 1, 3, 0]])).toEqual([2, 1, 3]);
  });

  it('is what stands first when scores are equal', () => {
    expect(starts([[2, 3, 3, 2]], { topN: 4 })).toEqual([1, 2, 0, 3]);
  });

  it('is told apart also where a score near 1 no longer can be', () => {
    expect(starts([[50, 70, 60]])).toEqual([1, 2, 0]); // all of them are 1 as a score
  });

  it('is the best few of each requirement', () => {
    expect(starts([[5, 4, 3, 2]], { topN: 2 })).toEqual([0, 1]);
  });

  it('is listed once, with each requirement that it supports, the best first', () => {
    const { evidence } = control([
      [1, 9],
      [3, -9],
      [2, -9],
    ]);
    expect(evidence.map(({ start, requirements }) => [start, requirements.map(({ id }) => id)])).toEqual([
      [10, ['r0']],
      [0, ['r1', 'r2', 'r0']],
    ]);
  });

  it('carries its text when asked to', () => {
    expect(control([[1]], { textOf: ({ start, end }) => `${start}-${end}` }).evidence[0]).toMatchObject({ text: '0-9' });
  });
});

describe('a control', () => {
  it.each([
    ['covered', [[1], [1]], 0],
    ['partial', [[1], [-1]], 1],
    ['missing', [[-1], [-1]], 2],
  ])('is %s', (status, logits, gaps) => {
    const findings = findingsOf(scored(logits as number[][]));
    expect(findings.controls[0]).toMatchObject({ status });
    expect(findings.summary).toMatchObject({ gaps, requirements: 2, controls: { [status as string]: 1 } });
  });

  it('names for each gap the passage that came nearest', () => {
    expect(control([[-3, -2, -4]]).gaps).toEqual([
      { requirement: 'r0', text: 'Requirement 0.', nearest: { start: 10, end: 19, score: expect.closeTo(0.119, 3) } },
    ]);
  });

  it('has rows of its own among the scores', () => {
    const two = ['a', 'b'].map((id) => ({ id, title: id, requirements: [{ id: `${id}1`, text: id }] }));
    const { controls } = findingsOf(scored([[3], [-3]], { controls: two }));
    expect(controls.map(({ id, status }) => [id, status])).toEqual([
      ['a', 'covered'],
      ['b', 'missing'],
    ]);
  });
});

it('places name the passage they are in when there are several', () => {
  const passages = [{ source: 7, start: 0, end: 9 }];
  const { controls, secrets } = findingsOf(
    scored([[1]], { passages, areSourcesNumbered: true, secrets: [{ kind: 'npm-token', source: 7, start: 2, end: 5 }] }),
  );
  expect(controls[0]?.evidence[0]).toMatchObject({ passage: 7, start: 0, end: 9 });
  expect(secrets).toEqual([{ kind: 'npm-token', passage: 7, start: 2, end: 5 }]);
});
