import { z } from 'zod';
import { findSecrets } from '../secrets/find-secrets.ts';
import { asText, listOf } from '../text-list.ts';
import { type Control, controlSets } from './control-sets.ts';
import { splitPassages } from './split-passages.ts';

/** What `/v1/compliance/scan` takes, and what it means: passages to rank for each requirement of each control. */

export const scanLimits = {
  /** UTF-16 units of the document, or of all passages. */
  textUnits: 1_000_000,
  /** Passages × requirements: the calls of one request come to this many ranked texts at most. */
  pairs: 100_000,
  controls: 50,
  requirementsPerControl: 20,
  /** UTF-16 units. */
  requirementUnits: 800,
} as const;

/** A piece of what was sent; units count within its source. */
export interface Passage {
  source: number;
  start: number;
  end: number;
}

export interface Scan {
  /** The document alone, or the caller's passages, as they came. */
  sources: readonly string[];
  /** False for a document: there is one source, and no need to name it. */
  areSourcesNumbered: boolean;
  passages: readonly Passage[];
  controls: readonly Control[];
  minScore: number;
  /** Passages that support one requirement at most. */
  topN: number;
  returnText: boolean;
}

/** Ids come back in answers: what looks like a secret is none. */
const id = z
  .string({ error: 'expected a text' })
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, { error: 'expected 1 to 64 of a-z, 0-9, dot, underscore and hyphen' })
  .refine((text) => findSecrets(text).length === 0, { error: 'expected an id that does not look like a secret' });
const shortText = z
  .string({ error: 'expected a text' })
  .refine((text) => text.trim() !== '', { error: 'expected a text that is not empty' })
  .max(scanLimits.requirementUnits, { error: `expected at most ${scanLimits.requirementUnits} UTF-16 units` });

const requirementSchema = strict({ id, text: shortText });
const controlSchema = strict({
  id,
  title: shortText.optional(),
  requirements: z
    .array(requirementSchema, { error: 'expected a list of { id, text }' })
    .min(1, { error: 'expected at least one requirement' })
    .max(scanLimits.requirementsPerControl, { error: `expected at most ${scanLimits.requirementsPerControl} requirements` })
    .refine(hasUniqueIds, { error: 'expected ids that differ' }),
});

export const scanRequest = strict({
  document: z.string({ error: 'expected a text' }).optional(),
  passages: listOf({ expected: 'a list of texts', expectedItem: 'a text', read: asText }).optional(),
  control_set: z
    .string({ error: 'expected a text' })
    .refine((name) => Object.hasOwn(controlSets, name), { error: `expected one of ${Object.keys(controlSets).join(', ')}` })
    .optional(),
  controls: z
    .array(controlSchema, { error: 'expected a list of { id, title, requirements }' })
    .min(1, { error: 'expected at least one control' })
    .max(scanLimits.controls, { error: `expected at most ${scanLimits.controls} controls` })
    .refine(hasUniqueIds, { error: 'expected ids that differ' })
    .optional(),
  min_score: z
    .number({ error: 'expected a number' })
    .min(0, { error: 'expected 0 to 1' })
    .max(1, { error: 'expected 0 to 1' })
    .default(0.5),
  top_n: z
    .int({ error: 'expected a whole number' })
    .min(1, { error: 'expected 1 to 20' })
    .max(20, { error: 'expected 1 to 20' })
    .default(3),
  return_text: z.boolean({ error: 'expected true or false' }).default(false),
}).transform((request, context): Scan => {
  const refuse = (field: string, message: string) => {
    context.addIssue({ code: 'custom', path: [field], message });
    return z.NEVER;
  };
  const { document, passages: given, control_set: setName, controls: own } = request;
  if ((document === undefined) === (given === undefined)) return refuse('document', 'expected either document or passages');
  if ((setName === undefined) === (own === undefined)) return refuse('control_set', 'expected either control_set or controls');

  const sources = given ?? [document as string];
  const units = sources.reduce((sum, { length }) => sum + length, 0);
  const field = given ? 'passages' : 'document';
  if (units > scanLimits.textUnits) return refuse(field, `expected at most ${scanLimits.textUnits} UTF-16 units, found ${units}`);
  const passages = sources.flatMap((text, source) => splitPassages(text).map((span) => ({ source, ...span })));
  if (passages.length === 0) return refuse(field, 'expected a text that is not empty');

  const controls: readonly Control[] =
    own?.map((control) => ({ ...control, title: control.title ?? control.id })) ?? (controlSets[setName as string] as readonly Control[]);
  const requirementCount = controls.reduce((sum, { requirements }) => sum + requirements.length, 0);
  if (passages.length * requirementCount > scanLimits.pairs) {
    return refuse(
      field,
      `expected at most ${scanLimits.pairs} pairs, found ${passages.length} passages for ${requirementCount} requirements`,
    );
  }
  return {
    sources,
    areSourcesNumbered: given !== undefined,
    passages,
    controls,
    minScore: request.min_score,
    topN: request.top_n,
    returnText: request.return_text,
  };
});

/** Fields that are not known are refused, and not named: they are the caller's words. */
function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: ({ code }) => (code === 'unrecognized_keys' ? `expected no fields but ${Object.keys(shape).join(', ')}` : 'expected an object'),
  });
}

function hasUniqueIds(items: readonly { id: string }[]): boolean {
  return new Set(items.map(({ id }) => id)).size === items.length;
}
