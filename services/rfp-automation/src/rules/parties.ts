/** Who a sentence of a request for proposal speaks of: whoever asks for proposals, or whoever answers. English only. */

export type Party = 'buyer' | 'offeror';

export interface Parties {
  /** Who the words before a verb are about: the last party named there that is its subject; undefined where none is. */
  subjectOf(before: string): Party | undefined;
}

const buyerNouns =
  'city|county|(?-i:State)|commonwealth|province|town|village|municipality|agency|authority|department|district|board|commission|council|ministry|government|' +
  'university|college|hospital|owner|client|customer|buyer|purchaser|purchasing agent|procurement (?:office|officer|manager)|contracting (?:officer|authority)|' +
  '(?:evaluation|selection|review) (?:committee|panel|team)|committee|evaluators?|we|our (?:staff|team)';

/** People and things that an offeror answers for. */
const offerorNouns =
  'contractors?|subcontractors?|vendors?|suppliers?|offerors?|bidders?|proposers?|respondents?|tenderers?|applicants?|providers?|consultants?|firms?|' +
  'consortium|proposals?|responses?|bids?|offers?|tenders?|quotations?|systems?|solutions?|software|platform|application|products?|services?|equipment|' +
  'portal|interfaces?|hardware|modules?|personnel|staff|project manager|technicians?|engineers?|deliverables?|reports?|invoices?|prices?|pricing|' +
  'documentation|plans?|backups?|data|work|materials?|warranty|licen[cs]es?|training|questions|alternates?|amendments?|copies';

/**
 * A buyer that calls itself by another name says so once: `Harbor Transit Authority (“HTA”)`.
 * @param document where such names are looked for
 */
export function readParties(document: string): Parties {
  const names = [...document.matchAll(introductions)].map(([, name]) => name as string);
  const buyers = [buyerNouns, ...new Set(names)].join('|');
  const party = new RegExp(`${noPreposition}\\b(?:(${buyers})|(${offerorNouns}))\\b(?!['’]s)`, 'gi');
  return { subjectOf: (before) => lastSubject(before, party) };
}

const introductions = new RegExp(`\\b(?:${buyerNouns})\\b[^.()]{0,60}\\((?:hereinafter )?(?:the )?["“]?((?-i:[A-Z]{2,10}))\\b`, 'gi');

/** `work done for the city` is not about the city. */
const noPreposition =
  '(?<!\\b(?:for|to|by|from|of|with|at|in|on|under|against|into|through|between|within|behalf of)\\s+(?:(?:the|any|each|a|an|all|such)\\s+)?)';

function lastSubject(before: string, party: RegExp): Party | undefined {
  let subject: Party | undefined;
  for (const match of before.matchAll(party)) {
    const [words, buyer] = match;
    const after = before.slice(match.index + words.length);
    if (buyer === undefined) subject = 'offeror';
    else if (isSubject(after)) subject = 'buyer';
  }
  return subject;
}

/** What may stand between a buyer and its verb; behind `the city data` another noun goes on. */
const isSubject = (after: string) =>
  /^(?:['’]s)?\s*(?:$|[,(]|(?:in|at|upon|and|or|of|also|then|shall|must|will|should|may|reserves|staff|personnel|employees|officials|representatives?|attorney|project manager)\b)/i.test(
    after,
  );
