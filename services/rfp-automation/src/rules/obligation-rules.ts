import type { Obligation } from '../requirement.ts';
import type { Parties, Party } from './parties.ts';

/**
 * What obligation a sentence of a request for proposal puts on whoever answers it: on the offeror, its people, its proposal, its product.
 * What the buyer does or may do is none, and neither is what merely may happen. English only.
 */
export function obligationOf(sentence: string, parties: Parties): Obligation | undefined {
  const words = plainWords(sentence);
  if (isNoStatement(words)) return undefined;
  const found = new Set(rules.filter((rule) => applies(rule, words, parties)).map(({ obligation }) => obligation));
  if (found.size === 0 && (imperative.test(words) || statement.test(words))) return 'shall';
  return strongestFirst.find((obligation) => found.has(obligation));
}

const strongestFirst: readonly Obligation[] = ['shall', 'should', 'may'];

/** One line without marks of Markdown; a verb in quotes is a word that is talked about. */
const plainWords = (sentence: string) =>
  sentence
    .replace(/["“”'‘’]\s*(?:shall|must|will|should|may)(?: not)?,?\s*["“”'‘’]/gi, '(word)')
    .replace(/[*_`]/g, '')
    .replace(/\s+/g, ' ')
    .trim();

/** Questions, definitions of words. */
const isNoStatement = (words: string) =>
  /\?["”']?$/.test(words) ||
  words.includes('(word)') ||
  /^["“‘][^"”’]+["”’],? (?:shall )?(?:means?|refers? to|ha(?:s|ve) the meaning)\b/.test(words);

interface Rule {
  verb: RegExp;
  obligation: Obligation;
  /** Which subjects the verb obliges; default: everybody but the buyer. */
  subject?: 'offeror' | 'anybody';
  /** What follows the verb where it obliges nobody. */
  unless?: RegExp;
}

/** What buyers do with proposals and with who made them. */
const doneByBuyer =
  /^(?:not )?(?:only |also |then )?be (?:\w+ly )?(?:evaluated|scored|reviewed|opened|considered|rejected|disqualified|returned|accepted|posted|published|issued|awarded|ranked|notified|invited|selected|announced|paid|determined|asked|contacted|held|conducted|eliminated|deemed|treated|disclosed|distributed|answered|calculated|compared|made|given|judged|read)\b/i;
const merelyPossible =
  /^(?:also |not )?(?:result|cause|lead|occur|arise|affect|change|vary|be (?:subject|necessary|required|amended|cancell?ed|changed|extended|terminated|withheld|declared|found|grounds|used by))\b/i;
/** What offerors will meet, not what they will do. */
const merelyMet = /^(?:find|receive|understand|see|learn)\b/i;
const merelySaid = /^(?:be (?:construed|deemed|understood|interpreted)|mean|have the meaning|not (?:apply|be construed|limit))\b/i;
const either = (...patterns: RegExp[]) => new RegExp(patterns.map(({ source }) => source).join('|'), 'i');

const rules: readonly Rule[] = [
  { verb: /\b(?:shall|must)\b/gi, obligation: 'shall', unless: merelySaid },
  {
    verb: /\b(?:will|needs? to|ha(?:s|ve) to|can ?not|agrees? to|undertakes? to|warrants?)\b/gi,
    obligation: 'shall',
    subject: 'offeror',
    unless: either(doneByBuyer, merelyMet),
  },
  {
    // what the buyer is to get from the offeror
    verb: /\b(?:shall|must) be (?:able to|allowed|informed|named|notified|given|consulted|granted|reimbursed)\b/gi,
    obligation: 'shall',
    subject: 'anybody',
  },
  { verb: /\bno\b[^,;:.]{1,80}\bmay\b(?! not\b)/gi, obligation: 'shall', unless: either(doneByBuyer, merelyPossible) },
  { verb: /\bmay not\b/gi, obligation: 'shall', unless: either(doneByBuyer, merelyPossible) },
  {
    verb: /\b(?:is|are|(?<!\b(?:may|might|could) )be) (?:\w+ly )?(?:required|obligated|obliged|mandatory|prohibited|forbidden|responsible|not (?:permitted|allowed))\b/gi,
    obligation: 'shall',
    unless: /^(?:by law|by the (?:city|county|state))\b/i,
  },
  { verb: /\b(?:should|ought to)\b/gi, obligation: 'should', unless: merelySaid },
  {
    verb: /\b(?:is|are|be) (?:\w+ly )?(?:encouraged|advised|expected|invited|requested)(?= to\b)|\b(?:is|are|be) (?:\w+ly )?(?:preferred|desirable|desired|recommended|preferable)\b|\bpreferably\b/gi,
    obligation: 'should',
  },
  { verb: /\bmay\b(?! not\b)(?! \d)/gi, obligation: 'may', subject: 'offeror', unless: either(doneByBuyer, merelyPossible) },
  {
    verb: /\bmay be (?=(?:re)?used|offered|submitted|proposed|provided|substituted|subcontracted|performed|stored|combined)/gi,
    obligation: 'may',
  },
  {
    verb: /\b(?:is|are|be) (?:\w+ly )?(?:permitted|allowed|entitled|free|welcome)(?= to\b)|\b(?:is|are) (?:permitted|optional|allowed)\b/gi,
    obligation: 'may',
  },
];

function applies({ verb, subject: obliged, unless }: Rule, words: string, parties: Parties): boolean {
  for (const match of words.matchAll(verb)) {
    if (unless?.test(words.slice(match.index + match[0].length).trimStart())) continue;
    const subject = subjectBefore(words.slice(0, match.index), parties);
    if (subject === 'offeror' || obliged === 'anybody' || (subject === undefined && obliged === undefined)) return true;
  }
  return false;
}

/** The subject of a verb is behind the verb before it, unless the two are joined: `the city shall inspect and shall accept`. */
function subjectBefore(before: string, parties: Parties): Party | undefined {
  const last = [...before.matchAll(/\b(?:shall|must|will|should|may)\b/gi)].at(-1);
  if (!last) return parties.subjectOf(before);
  const isJoined = /(?:\band|\bor|\bbut|,)\s*$/i.test(before);
  return isJoined ? subjectBefore(before.slice(0, last.index), parties) : parties.subjectOf(before.slice(last.index + last[0].length));
}

/** `Describe how …`, as instructions for proposals are written. Words that are nouns as well need an object. */
const imperative = new RegExp(
  '^(?:please )?(?:(?:submit|provide|include|describe|identify|attach|explain|indicate|demonstrate|specify|ensure|confirm|outline|summari[sz]e|' +
    'enclose|furnish|propose|deliver|discuss|disclose|do not)\\b(?! (?:of|for)\\b)|' +
    '(?:list|complete|state|sign|return|label|detail|name|use|mark|address|limit|present|quote|price) (?:the|a|an|all|each|every|your|any|how|why|which|what|whether)\\b)',
  'i',
);
/** `Questions are due by …`. */
const statement = /\b(?:is|are) due (?:by|on|no later than|not later than|before|within)\b/i;
