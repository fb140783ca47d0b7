/** A half-open range of UTF-16 code units of the document, as `slice` takes it. */
export interface Span {
  start: number;
  end: number;
}

/** Without the whitespace at both ends; empty where there is nothing else. */
export function trimmed(text: string, { start, end }: Span): Span {
  while (start < end && isSpace(text, start)) start += 1;
  while (end > start && isSpace(text, end - 1)) end -= 1;
  return { start, end };
}

const isSpace = (text: string, at: number) => /\s/.test(text.charAt(at));

export const contains = (outer: Span, inner: Span): boolean => outer.start <= inner.start && inner.end <= outer.end;

/** Code units in both. */
export const overlapOf = (left: Span, right: Span): number =>
  Math.max(0, Math.min(left.end, right.end) - Math.max(left.start, right.start));
