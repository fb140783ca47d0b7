import { z } from 'zod';
import { readOutline } from './document/outline.ts';

/** The body of `/v1/rfp/requirements`. */

/** Of UTF-8, which is what travels. */
export const maxDocumentBytes = 2_000_000;

const fields = {
  document: z
    .string({ error: 'expected the text of the document' })
    .refine((text) => Buffer.byteLength(text) <= maxDocumentBytes, {
      error: `expected at most ${maxDocumentBytes} bytes of UTF-8`,
      abort: true,
    })
    .refine((text) => /\S/.test(text), { error: 'expected a text that is not empty' })
    .refine((text) => text.isWellFormed(), { error: 'expected well-formed Unicode, found half of a surrogate pair' }),
  stream: z.boolean({ error: 'expected true or false' }).default(false),
};

/** Its keys are named and nothing else: what a caller writes is repeated nowhere. */
const expectedKeys = `expected no keys but ${Object.keys(fields).join(' and ')}`;

/** Comes with the document's outline, which both the workload and the reading are made of. */
export const requirementsRequest = z
  .strictObject(fields, { error: (issue) => (issue.code === 'unrecognized_keys' ? expectedKeys : undefined) })
  .transform(({ document, stream }) => ({ outline: readOutline(document), stream }));
