import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { type AwaitedAnswer, SilenceWatch } from './silence-watch.ts';

class Answer implements AwaitedAnswer {
  hasBegun = false;
  isPaused = false;
  position: number | undefined;
  heardAtTick = 0;
  readonly reasons: string[] = [];
  gaveUp(reason: string): void {
    this.reasons.push(reason);
  }
}

function setUp() {
  const clock = new FakeClock();
  return { clock, watch: new SilenceWatch({ clock, firstByteTimeout: 20, idleTimeout: 5 }) };
}

describe('silence watch', () => {
  it('gives an answer up that has not begun in time, once, and not before', async () => {
    const { clock, watch } = setUp();
    const answer = new Answer();
    watch.begin(answer);
    await clock.advance(20_000);
    expect(answer.reasons).toEqual([]);
    await clock.advance(1_000);
    expect(answer.reasons).toEqual(['no first byte within 20 s']);
    await clock.advance(60_000);
    expect(answer.reasons).toHaveLength(1);
  });

  it('counts a pause from the last piece', async () => {
    const { clock, watch } = setUp();
    const answer = new Answer();
    watch.begin(answer);
    answer.hasBegun = true;
    for (let piece = 0; piece < 10; piece += 1) {
      await clock.advance(4_900);
      watch.heard(answer);
    }
    expect(answer.reasons).toEqual([]);
    await clock.advance(6_000);
    expect(answer.reasons).toEqual(['nothing more within 5 s']);
  });

  it('does not blame the model server while the client takes its time', async () => {
    const { clock, watch } = setUp();
    const answer = new Answer();
    watch.begin(answer);
    answer.hasBegun = true;
    answer.isPaused = true;
    await clock.advance(100_000);
    answer.isPaused = false;
    await clock.advance(5_000);
    expect(answer.reasons).toEqual([]);
    await clock.advance(1_000);
    expect(answer.reasons).toHaveLength(1);
  });

  it('forgets what has ended, whatever the order, and rests when nothing is open', async () => {
    const { clock, watch } = setUp();
    const answers = Array.from({ length: 4 }, () => new Answer());
    for (const answer of answers) watch.begin(answer);
    for (const index of [1, 3, 0]) {
      watch.end(answers[index] as Answer);
      watch.end(answers[index] as Answer);
    }
    await clock.advance(21_000);
    expect(answers.map(({ reasons }) => reasons.length)).toEqual([0, 0, 1, 0]);
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
    watch.begin(answers[0] as Answer);
    expect(clock.pending).toBe(1);
  });
});
