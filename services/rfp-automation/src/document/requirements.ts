import { createHash } from 'node:crypto';
import { categories, type Finding, obligations, type Requirement } from '../requirement.ts';
import { type Due, dueDateAt, dueDatesIn } from './due-dates.ts';
import { foldedWords } from './folding.ts';
import { blockAt, type Outline, type PlacedBlock } from './outline.ts';
import { contains, overlapOf, type Span } from './span.ts';

/**
 * Requirements made of what readers found, in the order of the document. Passages overlap and documents repeat themselves: what was found
 * twice in one place is one, and what is said in several places is one with several occurrences. The order of the findings plays no part.
 */
export function toRequirements(outline: Outline, findings: readonly Finding[]): Requirement[] {
  const known = new Map<string, Requirement>();
  const leadWords = new Map<number, string>(); // by place: one sentence may lead in thousands of items
  for (const finding of onePerPlace(outline.text, findings)) {
    const requirement = describe(outline, finding, leadWords);
    const first = known.get(requirement.id);
    if (first) first.occurrences.push(...requirement.occurrences);
    else known.set(requirement.id, requirement);
  }
  return [...known.values()];
}

interface Place {
  finding: Finding;
  /** Without marks at the end, over which readers differ. */
  span: Span;
}

function onePerPlace(text: string, findings: readonly Finding[]): Finding[] {
  const places = findings.map((finding) => ({ finding, span: withoutEndMarks(text, finding) })).sort(byPlace);
  const kept: Finding[] = [];
  let near: Place[] = [];
  for (const place of places) {
    near = near.filter(({ span }) => span.end > place.span.start);
    if (near.some((other) => isSame(other, place))) continue;
    near.push(place);
    kept.push(place.finding);
  }
  return kept;
}

function withoutEndMarks(text: string, { start, end }: Span): Span {
  let last = end;
  while (last > start + 1 && /[\s.;,:*_]/.test(text.charAt(last - 1))) last -= 1;
  return { start, end: last };
}

/** The longer one first, then the stronger. */
const byPlace = (left: Place, right: Place): number =>
  left.span.start - right.span.start ||
  right.span.end - left.span.end ||
  obligations.indexOf(left.finding.obligation) - obligations.indexOf(right.finding.obligation) ||
  categories.indexOf(left.finding.category) - categories.indexOf(right.finding.category) ||
  right.finding.end - left.finding.end;

/** `other` comes first. In one sentence the offeror may have a duty and an option; those are two. */
function isSame(other: Place, place: Place): boolean {
  if (other.span.start === place.span.start && other.span.end === place.span.end) return true;
  if (other.finding.obligation !== place.finding.obligation) return false;
  const shorter = Math.min(other.span.end - other.span.start, place.span.end - place.span.start);
  return contains(other.span, place.span) || overlapOf(other.span, place.span) * 2 > shorter;
}

function describe(outline: Outline, { start, end, obligation, category }: Finding, leadWords: Map<number, string>): Requirement {
  const slice = (span: Span) => outline.text.slice(span.start, span.end);
  const placed = blockAt(outline, start);
  const lead = placed?.lead ? { ...placed.lead.sentence, text: slice(placed.lead.sentence) } : null;
  if (lead && !leadWords.has(lead.start)) leadWords.set(lead.start, foldedWords(lead.text));
  const section = placed?.path.at(-1);
  const text = slice({ start, end });
  return {
    id: identifierOf([obligation, lead ? (leadWords.get(lead.start) as string) : '', foldedWords(text)]),
    reference: referenceOf(outline.text, placed),
    section: section ? slice(section) : null,
    obligation,
    category,
    text,
    start,
    end,
    lead,
    due: dueDatesOf(outline.text, placed, { start, end }).map((due) => ({ ...due, text: slice(due) })),
    occurrences: [{ start, end }],
  };
}

/** The same words in the same role have the same identifier, however they are broken into lines. */
const identifierOf = (parts: readonly string[]): string =>
  `req-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)}`;

function referenceOf(text: string, placed: PlacedBlock | undefined): string | null {
  const block = placed?.block;
  if (block?.kind === 'item' && block.label) return text.slice(block.label.start, block.label.end);
  if (block?.kind !== 'row' || !block.cells[0]) return null;
  const first = text.slice(block.cells[0].start, block.cells[0].end).replaceAll('*', '');
  return /^(?:[A-Z]{1,8}[-. ]?)?\d+(?:[.-]\d+)*[a-z]?$/.test(first) ? first : null;
}

/** Those that the words say; in a table also those of a column that is headed `Due`. */
function dueDatesOf(text: string, placed: PlacedBlock | undefined, span: Span): Due[] {
  const said = dueDatesIn(text, span);
  if (placed?.block.kind !== 'row') return said;
  const { header, cells } = placed.block;
  const column = header?.cells.slice(0, mostColumns).findIndex(({ start, end }) => dueColumn.test(text.slice(start, end))) ?? -1;
  const cell = cells[column];
  const inColumn = cell && contains(span, cell) ? dueDateAt(text, cell) : undefined;
  return inColumn ? [...said.filter((due) => overlapOf(due, inColumn) === 0), inColumn] : said;
}

/** Of a table that people read. */
const mostColumns = 50;
const dueColumn = /^(?:due|due date|deadline|date due|no later than|latest date)$/i;
