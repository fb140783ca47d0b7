import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** docs/gpus.md, made of docs/gpus/prices.json: every figure is in the file with its source and date, or computed here. */

const dollars = z
  .tuple([z.number().positive(), z.number().positive()])
  .refine(([low, high]) => low <= high, { error: 'expected [low, high]' });
const month = z.string().regex(/^\d{4}-\d{2}$/);
const offer = z.strictObject({ gpu: z.string(), memoryGb: z.int().positive(), dollarsPerHour: dollars, source: z.string() });

export const PriceFile = z
  .strictObject({
    takenOn: z.iso.date(),
    sources: z.record(z.string(), z.strictObject({ title: z.string(), url: z.url(), asOf: month })),
    vast: z.array(offer).min(1),
    clouds: z.array(z.strictObject({ cloud: z.string(), ...offer.shape, comparedWith: z.string() })).min(1),
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
    for (const { source, gpu } of [...vast, ...clouds]) {
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
  const percent = (cheap: number, dear: number) => Math.round((1 - cheap / dear) * 100);
  return { least: percent(vast[1], cloud[0]), most: percent(vast[0], cloud[1]) };
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
  return `<!-- Made by \`npm run gpu-guide\` of docs/gpus/prices.json: change that file. -->
# GPUs: which, and what they cost

Prices are snapshots of third parties, written down on ${takenOn}; each has its source and month below. Vast is a market: before you rent, ask it
(\`vastai search offers\`, see [deploying](deploying.md)). All are dollars per hour and GPU, on demand.

## Which GPU for which service

| Service | Model | Memory it needs, GB | Cheapest here that has it | Vast, $/h |
|---|---|---|---|---|
${models.map((model) => modelRow(model, cheapest)).join('\n')}

Memory is the weights (parameters × bytes) and room for activations, batches and KV cache: a rule of thumb, to be replaced by what
\`nvidia-smi\` says. The images in \`services/agent-brain\` and \`services/compliance-engine\` are built for compute capability 8.9 (RTX 4090, L40S, L4);
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
  .map(({ cloud, gpu, dollarsPerHour, source, here, least, most }) => {
    const saved = least === most ? `${least} %` : `${least} to ${most} %`;
    return `| ${cloud} | ${gpu} | ${range(dollarsPerHour)} | ${note(source)} | ${here.gpu} | ${range(here.dollarsPerHour)} | ${saved} |`;
  })
  .join('\n')}

**Does Vast save ${claim.low} to ${claim.high} %?** By these figures it does in ${within.length} of ${savings.length} rows${partly.length > 0 ? `, and at best in ${partly.length} more` : ''}. It does against the list prices of large instances that are
quoted for AWS, and it does not against the lower ends of what large clouds take for the same cards by now. The sources disagree about AWS itself.
So compute with your own quotes, and add what no price per hour shows: disk of stopped workers, bandwidth, and machines that are less reliable.
The cards are not the same either: an RTX 4090 is the faster one beside an A10G, and a home for neither ECC memory nor NVLink.

## Sources

${Object.values(sources)
  .map(({ title, url, asOf }, index) => `${index + 1}. [${title}](${url}), as of ${asOf}`)
  .join('\n')}
`;
}

function modelRow(model: PriceFile['models'][number], cheapest: PriceFile['vast']): string {
  const memory = memoryOf(model);
  const card = cheapest.find(({ memoryGb }) => memoryGb >= memory);
  return `| ${model.service} | ${model.model} | ${memory} | ${card?.gpu ?? 'none'} | ${card ? range(card.dollarsPerHour) : ''} |`;
}

const range = ([low, high]: readonly [number, number]) => (low === high ? low.toFixed(2) : `${low.toFixed(2)}–${high.toFixed(2)}`);
