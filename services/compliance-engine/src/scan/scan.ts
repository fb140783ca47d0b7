import { defineHandler, type HandlerConfig, type RespondInput } from '@bluefly/vast-worker';
import type { AskModelInfo } from '../model-info.ts';
import { refusalTranslated } from '../model-refusal.ts';
import { figureHeaders, maxPartBytes, type Part, type RankedParts, rankParts, splitTexts } from '../rank-parts.ts';
import { findSecrets, masked } from '../secrets/find-secrets.ts';
import { scanWorkload, type WorkloadUnit } from '../workload.ts';
import type { Requirement } from './control-sets.ts';
import { findingsOf } from './findings.ts';
import { type Scan, scanRequest } from './scan-request.ts';

/** `/v1/compliance/scan`: which passages of a text support which control, what nothing supports, and where secrets are. */
export function scanHandler(unit: WorkloadUnit, askModelInfo: AskModelInfo): HandlerConfig {
  return defineHandler({
    route: '/v1/compliance/scan',
    payload: scanRequest,
    workloadCalculator: scanWorkload(unit),
    allowParallelRequests: true,
    maxQueueTime: 60, // seconds
    respond: (input) => refusalTranslated(() => respond(input, askModelInfo)),
  });
}

/** Secrets are covered before anything else sees the text: the model server, its log, and whoever reads the answer. */
async function respond({ payload: scan, callModel }: RespondInput<Scan>, askModelInfo: AskModelInfo): Promise<Response> {
  const secrets = scan.sources.map(findSecrets);
  const sources = scan.sources.map((text, index) => masked(text, secrets[index] ?? []).toWellFormed()); // offsets stay
  const controls = scan.controls.map(({ id, title, requirements }) => ({
    id,
    title: withoutSecrets(title),
    requirements: requirements.map((requirement) => ({ id: requirement.id, text: withoutSecrets(requirement.text) })),
  }));
  const requirements = controls.flatMap((control) => control.requirements);
  const texts = scan.passages.map(({ source, start, end }) => (sources[source] as string).slice(start, end));

  const { name, maxClientBatchSize } = await askModelInfo(callModel);
  const parts = partsFor(requirements, texts, maxClientBatchSize);
  const whole = await rankParts(parts, { truncate: true, raw_scores: true, return_text: false }, callModel);
  const findings = findingsOf({
    controls,
    passages: scan.passages,
    areSourcesNumbered: scan.areSourcesNumbered,
    minScore: scan.minScore,
    topN: scan.topN,
    logits: logitsOf(parts, whole, requirements.length, texts.length),
    secrets: secrets.flatMap((found, source) => found.map((secret) => ({ ...secret, source }))),
    textOf: scan.returnText ? ({ source, start, end }) => (sources[source] as string).slice(start, end) : undefined,
  });
  return Response.json(
    {
      object: 'compliance.scan',
      model: name,
      offset_unit: 'utf-16 code units',
      min_score: scan.minScore,
      ...findings,
      ...(whole.tokens === undefined ? {} : { usage: { prompt_tokens: whole.tokens, total_tokens: whole.tokens } }),
    },
    { headers: figureHeaders(whole) },
  );
}

const withoutSecrets = (text: string) => masked(text, findSecrets(text)).toWellFormed();

interface RequirementPart extends Part {
  /** Its index over all controls. */
  requirement: number;
}

/** The passages are cut into parts once, as the longest requirement allows. */
function partsFor(requirements: readonly Requirement[], texts: readonly string[], maxTexts: number): RequirementPart[] {
  const longest = requirements.reduce((longer, { text }) => (text.length > longer.length ? text : longer), '');
  const roomForEscapes = longest.length * 6; // a unit is six bytes of JSON at most
  const cuts = splitTexts('', texts, { maxTexts, maxBytes: maxPartBytes - roomForEscapes });
  return requirements.flatMap(({ text }, requirement) => cuts.map((cut) => ({ ...cut, query: text, requirement })));
}

function logitsOf(parts: readonly RequirementPart[], { ranked }: RankedParts, rows: number, columns: number): number[][] {
  const logits = Array.from({ length: rows }, () => Array.from({ length: columns }, () => Number.NEGATIVE_INFINITY));
  for (const [index, part] of parts.entries()) {
    for (const { index: passage, score } of ranked[index] ?? []) (logits[part.requirement] as number[])[passage] = score;
  }
  return logits;
}
