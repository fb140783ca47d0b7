import { z } from 'zod';
import { FrameworkError } from './tei-errors.ts';

/** The bodies that text-embeddings-inference takes. Unknown fields are ignored. */

const tokenIds = z.array(z.int().min(0));
const oneInput = z.union([z.string(), tokenIds]);
const input = z.union([z.string(), tokenIds, z.array(oneInput)]);

const direction = z
  .enum(['Right', 'Left', 'right', 'left'])
  .default('Right')
  .transform((text) => text.toLowerCase() as 'right' | 'left');
const common = {
  truncate: z.boolean().nullish(),
  truncation_direction: direction,
  prompt_name: z.string().nullish(),
};

export const embedRequest = z.object({
  inputs: input,
  normalize: z.boolean().default(true),
  dimensions: z.int().nullish(),
  ...common,
});
export const embedAllRequest = z.object({ inputs: input, ...common });
export const openAiRequest = z.object({
  input,
  model: z.string().nullish(),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.int().nullish(),
});
export const rerankRequest = z.object({
  query: z.string(),
  texts: z.array(z.string()),
  raw_scores: z.boolean().default(false),
  return_text: z.boolean().default(false),
  truncate: common.truncate,
  truncation_direction: direction,
});
export const similarityRequest = z.object({
  inputs: z.object({ source_sentence: z.string(), sentences: z.array(z.string()) }),
  parameters: z
    .object({ ...common })
    .nullish()
    .transform((parameters) => parameters ?? { truncate: null, truncation_direction: 'right' as const, prompt_name: null }),
});
export const tokenizeRequest = z.object({
  inputs: z.union([z.string(), z.array(z.string())]),
  add_special_tokens: z.boolean().default(true),
  prompt_name: z.string().nullish(),
});

/** @throws FrameworkError 422 in plain text, as TEI's HTTP framework answers */
export function deserialize<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
  throw new FrameworkError(422, `Failed to deserialize the JSON body into the target type: ${where}${issue?.message ?? 'unknown'}`);
}

/** Items of an `Input`, and whether it is a batch: a bare text or list of ids is one item and no batch. */
export function itemsOf(inputs: z.output<typeof input>): { items: (string | number[])[]; isBatch: boolean } {
  if (typeof inputs === 'string') return { items: [inputs], isBatch: false };
  if (inputs.length === 0 || typeof inputs[0] === 'number') return { items: [inputs as number[]], isBatch: false };
  return { items: inputs as (string | number[])[], isBatch: true };
}
