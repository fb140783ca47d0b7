import { z } from 'zod';

/** Texts (passages, documents) that one request may bring. */
export const maxTexts = 10_000;

/**
 * A list whose elements `read` understands. The first that it does not is named, and no other: a list of ten thousand
 * wrong ones is not answered with as many problems.
 */
export function listOf<Item>(options: { expected: string; expectedItem: string; read: (item: unknown) => Item | undefined }) {
  return z
    .array(z.unknown(), { error: `expected ${options.expected}` })
    .max(maxTexts, { error: `expected at most ${maxTexts} elements` })
    .transform((items, context) => {
      const read: Item[] = [];
      for (const [index, item] of items.entries()) {
        const one = options.read(item);
        if (one === undefined) {
          context.addIssue({ code: 'custom', path: [index], message: `expected ${options.expectedItem}` });
          return z.NEVER;
        }
        read.push(one);
      }
      return read;
    });
}

export const asText = (item: unknown) => (typeof item === 'string' ? item : undefined);
