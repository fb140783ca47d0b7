import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Session, SessionBook } from './session-book.ts';

const session = (id: string, now: number, lifetime: number): Session => ({
  id,
  authData: {},
  authDigest: Buffer.alloc(32),
  lifetime,
  createdAt: now,
  onCloseRoute: null,
  onClosePayload: null,
  entry: { workload: 1, requestIdx: 1, inSession: false, isReservation: true, enteredQueueAt: now, workStartedAt: now, outcome: undefined },
  expiration: now + lifetime,
  running: new Set(),
});

describe('session book', () => {
  it('does not find what has expired, collected or not', () => {
    const book = new SessionBook(10);
    book.add(session('a', 0, 10));
    expect(book.find('a', 9.9)?.id).toBe('a');
    expect(book.find('a', 10)).toBeUndefined();
    expect(book.expired(10).map(({ id }) => id)).toEqual(['a']);
  });

  it('takes 0 and null for any number', () => {
    for (const limit of [0, null]) {
      const book = new SessionBook(limit);
      for (let n = 0; n < 100; n += 1) book.add(session(String(n), 0, 1));
      expect(book.isFull).toBe(false);
    }
  });

  it('lets one session be closed once, and expire exactly a lifetime after its last touch, whatever happens when', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), lifetime: fc.integer({ min: 1, max: 50 }) }),
      fc.record({ do: fc.constant('touch' as const), pick: fc.nat() }),
      fc.record({ do: fc.constant('remove' as const), pick: fc.nat() }),
      fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 20 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const book = new SessionBook(5);
        const expected = new Map<string, { session: Session; until: number }>();
        const closed = new Set<string>();
        let now = 0;
        for (const [index, one] of steps.entries()) {
          const open = [...expected.values()];
          const picked = 'pick' in one ? open[one.pick % Math.max(open.length, 1)] : undefined;
          if (one.do === 'add' && !book.isFull) {
            const added = session(String(index), now, one.lifetime);
            book.add(added);
            expected.set(added.id, { session: added, until: now + one.lifetime });
          } else if (one.do === 'touch' && picked && book.find(picked.session.id, now)) {
            book.touch(picked.session, now);
            picked.until = Math.max(picked.until, now + picked.session.lifetime);
          } else if (one.do === 'remove' && picked) {
            expect(book.remove(picked.session)).toBe(true);
            expect(book.remove(picked.session)).toBe(false);
            expected.delete(picked.session.id);
            closed.add(picked.session.id);
          } else if (one.do === 'wait') {
            now += one.seconds;
          }
          expect(book.size).toBe(expected.size);
          expect(book.size).toBeLessThanOrEqual(5);
          for (const { session: known, until } of expected.values()) expect(book.find(known.id, now) !== undefined).toBe(until > now);
          for (const id of closed) expect(book.find(id, now)).toBeUndefined();
          expect(new Set(book.expired(now).map(({ id }) => id))).toEqual(
            new Set([...expected.values()].filter(({ until }) => until <= now).map(({ session: { id } }) => id)),
          );
        }
      }),
    );
  });
});
