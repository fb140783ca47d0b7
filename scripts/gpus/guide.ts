import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** docs/gpus.md, made of docs/gpus/prices.json: every figure is in the file with its source and date, or computed here. */

const dollars = z
  .tuple([z.number().positive(), z.number().positive()])
  .refine(([low, high]) => low <= high, { error: 'expected [low, high]' });
/** What the page itself says; many say nothing. */
const month = z.union([z.string().regex(/^\d{4}-\d{2}$/), z.literal('undated')]);
const offer = z.strictObject({ gpu: z.string(), memoryGb: z.int().positive(), dollarsPerHour: dollars, source: z.string() });

export const PriceFile = z
  .strictObject({
    takenOn: z.iso.date(),
    sources: z.record(z.string(), z.strictObject({ title: z.string(), url: z.url(), asOf: month })),
    vast: z.array(offer).min(1),
    clouds: z
      .array(
        z.strictObject({
          cloud: z.string(),
          ...offer.shape,
          comparedWith: z.string(),
          /** Why the figure is to be taken with care. */
          remark: z.strictObject({ text: z.string(), source: z.string() }).optional(),
        }),
      )
      .min(1),
    models: z.array(
      z.strictObject({
        service: z.string(),
        model: z.string(),
        parametersMillions: z.int().positive(),
        bytesPerParameter: z.number().positive(),
        /** Beside the weights: activations, batches, KV cache. A rule of thumb, not a measurement. */
        workingGb: z.number().positive(),
      }),
    ),
  })
  .superRefine(({ sources, vast, clouds }, context) => {
    const remarks = clouds.flatMap(({ remark, gpu }) => (remark ? [{ source: remark.source, gpu }] : []));
    for (const { source, gpu } of [...vast, ...clouds, ...remarks]) {
      if (!Object.hasOwn(sources, source)) context.addIssue({ code: 'custom', message: `${gpu}: no source ${source}` });
    }
    for (const { comparedWith } of clouds) {
      if (!vast.some(({ gpu }) => gpu === comparedWith))
        context.addIssue({ code: 'custom', message: `no price of Vast for ${comparedWith}` });
    }
  });
export type PriceFile = z.infer<typeof PriceFile>;

/** What our user was told that Vast saves against large clouds. */
const claim = { low: 60, high: 85 };

export const readPrices = (): PriceFile =>
  PriceFile.parse(JSON.parse(readFileSync(new URL('../../docs/gpus/prices.json', import.meta.url), 'utf8')));

/** Whole per cent: the least that is saved (Vast's highest against the cloud's lowest) and the most. */
export function savingOf(vast: readonly [number, number], cloud: readonly [number, number]): { least: number; most: number } {
  const saved = (cheap: number, dear: number) => Math.round((1 - cheap / dear) * 100);
  return { least: saved(vast[1], cloud[0]), most: saved(vast[0], cloud[1]) };
}

export const memoryOf = ({ parametersMillions, bytesPerParameter, workingGb }: PriceFile['models'][number]): number =>
  Math.ceil((parametersMillions * bytesPerParameter) / 1000 + workingGb);

export function gpuGuide(prices: PriceFile): string {
  const { takenOn, sources, vast, clouds, models } = prices;
  const cheapest = vast.toSorted((left, right) => left.dollarsPerHour[0] - right.dollarsPerHour[0]);
  const note = (source: string) => `[${Object.keys(sources).indexOf(source) + 1}]`;
  const savings = clouds.map((cloud) => {
    const here = vast.find(({ gpu }) => gpu === cloud.comparedWith) as PriceFile['vast'][number];
    return { ...cloud, here, ...savingOf(here.dollarsPerHour, cloud.dollarsPerHour) };
  });
  const within = savings.filter(({ least }) => least >= claim.low);
  const partly = savings.filter(({ least, most }) => least < claim.low && most >= claim.low);
  const short = savings.filter(({ least }) => least < claim.low);
  const alike = savings.filter(({ gpu, comparedWith }) => gpu === comparedWith);
  const remarks = savings.flatMap(({ cloud, gpu, remark }) => (remark ? [`${cloud}, ${gpu}: ${remark.text} ${note(remark.source)}.`] : []));
  return `<!-- Made by \`npm run gpu-guide\` of docs/gpus/prices.json: change that file. -->
# GPUs: which, and what they cost

Prices are snapshots of third parties, written down on ${takenOn}; each has its source below, with the month that the source gives. Vast is a market: before you rent, ask it
(\`vastai search offers\`, see [deploying](deploying.md)). All are dollars per hour and GPU, on demand.

## Which GPU for which service

| Service | Model | Memory it needs, GB | Cheapest here that has it | Vast, $/h |
|---|---|---|---|---|
${models.map((model) => modelRow(model, cheapest)).join('\n')}

Memory is the weights (parameters × bytes) and room for activations, batches and KV cache: a rule of thumb, to be replaced by what
\`nvidia-smi\` says. Parameters are those of the models' cards, not looked up for this file. A long context wants more: Llama 3.1 with all of its
128k does not start on 24 GB (vLLM's \`--max-model-len\` shortens it).

The images in \`services/agent-brain\` and \`services/compliance-engine\` are built for compute capability 8.9 (RTX 4090, L40S, L4);
other GPUs need another \`TEI_TAG\` ([images](../infra/docker/README.md)).

For embeddings and reranking the smallest card that has the memory is the right one: several small workers scale in smaller steps than a
large one. For completions memory decides first (weights and KV cache), then memory bandwidth.

## Prices on Vast

| GPU | Memory, GB | $/h | Source |
|---|---|---|---|
${vast.map(({ gpu, memoryGb, dollarsPerHour, source }) => `| ${gpu} | ${memoryGb} | ${range(dollarsPerHour)} | ${note(source)} |`).join('\n')}

## Against large clouds

| Cloud | GPU | $/h | Source | On Vast | $/h | Saved |
|---|---|---|---|---|---|---|
${savings
  .map(({ cloud, gpu, dollarsPerHour, source, here, ...saving }) => {
    return `| ${cloud} | ${gpu} | ${range(dollarsPerHour)} | ${note(source)} | ${here.gpu} | ${range(here.dollarsPerHour)} | ${percent(saving)} |`;
  })
  .join('\n')}

${remarks.map((remark) => `${remark}\n\n`).join('')}**Does Vast save ${claim.low} to ${claim.high} %?** By these figures it saves at least ${claim.low} % in ${within.length} of ${savings.length} rows${partly.length > 0 ? `, and at best in ${partly.length} more` : ''}; in the
${alike.length} rows with the same card on both sides, in ${alike.filter((row) => within.includes(row)).length}. It does not hold surely here:

${short.map((row) => `- ${row.cloud}, ${row.gpu}: ${percent(row)}`).join('\n')}

Where it holds, it does against list prices on demand; commitments are cheaper. The sources contradict each other, most of all about AWS.
So compute with your own quotes, and add what no price per hour shows: disk of stopped workers, bandwidth, and machines that are less reliable.
Other cards are not the same: an RTX 4090 is the faster one beside an A10G, and a home for neither ECC memory nor NVLink.

## Sources

${Object.values(sources)
  .map(
    ({ title, url, asOf }, index) =>
      `${index + 1}. [${title}](${url}), ${asOf === 'undated' ? `undated, seen ${takenOn}` : `as of ${asOf}`}`,
  )
  .join('\n')}
`;
}

function modelRow(model: PriceFile['models'][number], cheapest: PriceFile['vast']): string {
  const memory = memoryOf(model);
  const card = cheapest.find(({ memoryGb }) => memoryGb >= memory);
  return `| ${model.service} | ${model.model} | ${memory} | ${card?.gpu ?? 'none'} | ${card ? range(card.dollarsPerHour) : ''} |`;
}

const range = ([low, high]: readonly [number, number]) => (low === high ? low.toFixed(2) : `${low.toFixed(2)}–${high.toFixed(2)}`);

const percent = ({ least, most }: { least: number; most: number }) => (least === most ? `${least} %` : `${least} to ${most} %`);
