import { findPaymentCards } from './payment-cards.ts';
import { plainTextOf } from './plain-text.ts';
import { findPrivateKeys } from './private-keys.ts';
import { type SecretKind, secretKinds, secretPatterns } from './secret-patterns.ts';

/** Secrets in a text, by place and kind. The same text gives the same places; no model is asked and nothing is looked up. */

/** UTF-16 units of a text: the first, and the one after the last. */
export interface Span {
  start: number;
  end: number;
}

export interface Secret extends Span {
  kind: SecretKind;
}

/** In the order of the text, none overlapping another. */
export function findSecrets(original: string): Secret[] {
  const { text, originOf } = plainTextOf(original);
  const found: Secret[] = [];
  const add = (kind: SecretKind, { start, end }: Span) => found.push({ kind, start, end });
  for (const span of findPrivateKeys(text)) add('private-key', span);
  for (const { kind, pattern, accepts } of secretPatterns) {
    for (const match of text.matchAll(pattern)) {
      const places = match.indices as RegExpIndicesArray; // all patterns have the flag
      const [start, end] = (places.groups?.secret ?? places[0]) as [number, number];
      if (!accepts || accepts(text.slice(start, end), match)) add(kind, { start, end });
    }
  }
  for (const span of findPaymentCards(text)) add('payment-card', span);
  return merged(found).map(({ kind, start, end }) => ({ kind, start: originOf(start), end: originOf(end - 1) + 1 }));
}

/** What overlaps is one secret, of the kind that says most about it: the one that is listed first. */
function merged(found: readonly Secret[]): Secret[] {
  const secrets: Secret[] = [];
  for (const one of found.toSorted((left, right) => left.start - right.start)) {
    const last = secrets.at(-1);
    if (!last || one.start >= last.end) {
      secrets.push({ ...one });
      continue;
    }
    last.end = Math.max(last.end, one.end);
    if (secretKinds.indexOf(one.kind) < secretKinds.indexOf(last.kind)) last.kind = one.kind;
  }
  return secrets;
}

/** The text with every unit of its secrets replaced, so that all offsets stay what they are. */
export function masked(text: string, secrets: readonly Span[]): string {
  if (secrets.length === 0) return text;
  const pieces: string[] = [];
  let at = 0;
  for (const { start, end } of secrets) {
    pieces.push(text.slice(at, start), '*'.repeat(end - start));
    at = end;
  }
  pieces.push(text.slice(at));
  return pieces.join('');
}
