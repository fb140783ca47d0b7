import type { Secret } from '../secrets/find-secrets.ts';
import type { Control, Requirement } from './control-sets.ts';
import type { Passage } from './scan-request.ts';

/** From scores to findings: which passages support which requirement, and what nothing supports. Same scores, same findings. */

/** Where something is: UTF-16 units of the document, or of the caller's passage with this number. */
export interface Place {
  passage?: number;
  start: number;
  end: number;
}

export interface Evidence extends Place {
  /** Of the requirement it supports best, 0 to 1. */
  score: number;
  requirements: { id: string; score: number }[];
  /** Secrets in it are stars. */
  text?: string;
}

export interface Gap {
  requirement: string;
  text: string;
  /** The passage that came nearest. */
  nearest: Place & { score: number };
}

export interface ControlFindings {
  id: string;
  title: string;
  status: 'covered' | 'partial' | 'missing';
  evidence: Evidence[];
  gaps: Gap[];
}

export interface Findings {
  controls: ControlFindings[];
  secrets: (Place & { kind: string })[];
  summary: {
    controls: { covered: number; partial: number; missing: number };
    requirements: number;
    gaps: number;
    passages: number;
    secrets: number;
  };
}

export interface Scored {
  controls: readonly Control[];
  passages: readonly Passage[];
  areSourcesNumbered: boolean;
  minScore: number;
  topN: number;
  /** Raw scores (logits): one row per requirement in the order of the controls, one column per passage. */
  logits: readonly (readonly number[])[];
  secrets: readonly (Secret & { source: number })[];
  /** undefined: findings carry no texts. */
  textOf: ((passage: Passage) => string) | undefined;
}

export function findingsOf(scored: Scored): Findings {
  let row = 0;
  const controls = scored.controls.map((control) => {
    const logits = scored.logits.slice(row, row + control.requirements.length);
    row += control.requirements.length;
    return controlFindings(control, logits, scored);
  });
  const count = (status: ControlFindings['status']) => controls.filter((control) => control.status === status).length;
  return {
    controls,
    secrets: scored.secrets.map(({ kind, ...place }) => ({ kind, ...placeOf(place, scored) })),
    summary: {
      controls: { covered: count('covered'), partial: count('partial'), missing: count('missing') },
      requirements: row,
      gaps: controls.reduce((sum, { gaps }) => sum + gaps.length, 0),
      passages: scored.passages.length,
      secrets: scored.secrets.length,
    },
  };
}

function controlFindings({ id, title, requirements }: Control, logits: Scored['logits'], scored: Scored): ControlFindings {
  const gaps: Gap[] = [];
  const supports: Support[] = [];
  for (const [index, requirement] of requirements.entries()) {
    const ranked = rank(logits[index] as readonly number[]);
    const [best] = ranked as [Ranked];
    const good = ranked.slice(0, scored.topN).filter(({ logit }) => sigmoid(logit) >= scored.minScore);
    supports.push(...good.map((support) => ({ ...support, requirement })));
    if (good.length > 0) continue;
    const passage = scored.passages[best.passage] as Passage;
    gaps.push({
      requirement: requirement.id,
      text: requirement.text,
      nearest: { ...placeOf(passage, scored), score: sigmoid(best.logit) },
    });
  }
  const status = gaps.length === 0 ? 'covered' : gaps.length < requirements.length ? 'partial' : 'missing';
  return { id, title, status, evidence: evidenceOf(supports, scored), gaps };
}

interface Ranked {
  /** Index into the passages. */
  passage: number;
  logit: number;
}

interface Support extends Ranked {
  requirement: Requirement;
}

/** Best first; of equal scores the one that stands first. Logits, not scores: near 1 a sigmoid no longer tells them apart. */
function rank(logits: readonly number[]): Ranked[] {
  return logits.map((logit, passage) => ({ passage, logit })).sort(byLogit);
}

const byLogit = (left: Ranked, right: Ranked) => right.logit - left.logit || left.passage - right.passage;

/** Each passage once, with every requirement that it supports. */
function evidenceOf(supports: readonly Support[], scored: Scored): Evidence[] {
  const byPassage = Map.groupBy(supports.toSorted(byLogit), ({ passage }) => passage); // in order of each passage's best
  return Array.from(byPassage, ([index, [best, ...others]]) => {
    const passage = scored.passages[index] as Passage;
    return {
      ...placeOf(passage, scored),
      score: sigmoid((best as Support).logit),
      requirements: [best as Support, ...others].map(({ requirement, logit }) => ({ id: requirement.id, score: sigmoid(logit) })),
      ...(scored.textOf ? { text: scored.textOf(passage) } : {}),
    };
  });
}

const placeOf = ({ source, start, end }: Passage, { areSourcesNumbered }: Scored): Place => ({
  ...(areSourcesNumbered ? { passage: source } : {}),
  start,
  end,
});

const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));
